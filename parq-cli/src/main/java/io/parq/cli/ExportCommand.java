package io.parq.cli;

import io.parq.export.ModelSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a trained model in a format of a runtime. */
@Command(
    name = "export",
    description = {
      "Writes a trained model as a file that a runtime loads, with exactly the values that were"
          + " trained.",
      "What was written is read back and compared before it gets its name."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {"", "docs/formats.md tells what each target holds."})
final class ExportCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "MODEL",
      description =
          "the output folder of a training run, a checkpoint in it, a packed file, or a Hugging"
              + " Face folder, which is written as it is")
  private Path model = Path.of("");

  @Option(
      names = "--target",
      paramLabel = "TARGET",
      required = true,
      converter = Converters.OfTarget.class,
      completionCandidates = Converters.Targets.class,
      description = "what to write: ${COMPLETION-CANDIDATES}")
  private String target = "";

  @Option(
      names = "--out",
      paramLabel = "OUT",
      required = true,
      description = "the file to write, or the folder where the target is one")
  private Path out = Path.of("");

  @Mixin private Exporting exporting = new Exporting();

  @Override
  public Integer call() throws IOException {
    try (ModelSource source = Models.source(model)) {
      exporting.write(source, target, out, spec.commandLine().getOut());
    }
    return 0;
  }
}

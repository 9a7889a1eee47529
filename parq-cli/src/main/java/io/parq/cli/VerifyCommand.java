package io.parq.cli;

import io.parq.export.Difference;
import io.parq.export.ModelReader;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares an exported file with the model that it was made from. */
@Command(
    name = "verify",
    description = {
      "Decodes a file and compares every value with a model, bit for bit.",
      "Exit status: 0 no difference, 1 the first difference is printed."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class VerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "FILE", description = "a file or folder of any target")
  private Path file = Path.of("");

  @Option(
      names = "--against",
      paramLabel = "MODEL",
      required = true,
      description =
          "the output folder of a training run, a checkpoint in it, a Hugging Face folder, or"
              + " another exported file")
  private Path model = Path.of("");

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    try (ModelReader expected = Models.reader(model);
        ModelReader found = Models.reader(file)) {
      @Nullable Difference difference;
      try (TransferBar bar = new TransferBar("verify")) {
        difference = Difference.first(expected, found, bar);
      }
      if (difference != null) {
        out.println(file + " differs from " + model + ": " + difference);
      } else {
        long values =
            expected.tensors().stream()
                .mapToLong(t -> TensorData.elements(t.shape().stream().mapToLong(n -> n).toArray()))
                .sum();
        out.printf(
            Locale.ROOT,
            "%s equals %s: %d tensors, %,d values, no difference%n",
            file,
            model,
            expected.tensors().size(),
            values);
      }
      out.flush();
      return difference == null ? 0 : 1;
    }
  }
}

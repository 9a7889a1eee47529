package io.parq.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Scores a model. */
@Command(
    name = "eval",
    description = "Scores a model: perplexity of a text, accuracy at multiple choice.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class EvalCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "MODEL",
      description =
          "a model in any format: what parq train wrote, a packed or GGUF file, a Hugging Face folder")
  private Path model = Path.of("");

  @Mixin private Scores scores = new Scores();

  @Mixin private Loading loading = new Loading();

  @Override
  public Integer call() throws IOException {
    if (scores.isEmpty()) {
      throw new ParameterException(spec.commandLine(), "expected --text or --choices");
    }
    PrintWriter out = spec.commandLine().getOut();
    try (ScoredModel loaded = loading.scored(model)) {
      scores
          .of(loaded)
          .forEach((name, value) -> out.printf(Locale.ROOT, "%-20s %.4f%n", name, value));
    }
    out.flush();
    return 0;
  }
}

package io.parq.cli;

import io.parq.export.ModelReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares two models, by scores or by weights. */
@Command(
    name = "compare",
    description = {
      "Scores two models side by side, or compares their weights.",
      "With --base, also how much of what A lost against it B recovered: (B - A) / (base - A)."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class CompareCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "A", description = "a model in any format, such as PTQ")
  private Path first = Path.of("");

  @Parameters(index = "1", paramLabel = "B", description = "a model in any format, such as QAT")
  private Path second = Path.of("");

  @Option(
      names = "--base",
      paramLabel = "MODEL",
      description = "the unquantized model: a Hugging Face folder")
  private @Nullable Path base;

  @Mixin private Scores scores = new Scores();

  @Mixin private Loading loading = new Loading();

  @Override
  public Integer call() throws IOException {
    if (scores.isEmpty()) {
      if (base != null) {
        throw new ParameterException(
            spec.commandLine(), "--base without scores, expected --text or --choices");
      }
      compareWeights();
      return 0;
    }
    Map<String, Double> ofFirst = of(first);
    Map<String, Double> ofSecond = of(second);
    Map<String, Double> ofBase = base == null ? Map.of() : of(base);
    PrintWriter out = spec.commandLine().getOut();
    String head = "%-20s %12s %12s %12s".formatted("", "A", "B", "B - A");
    out.println(base == null ? head : head + "%12s %12s".formatted("base", "recovered"));
    for (Map.Entry<String, Double> entry : ofFirst.entrySet()) {
      double a = entry.getValue();
      double b = ofSecond.getOrDefault(entry.getKey(), Double.NaN);
      out.printf(Locale.ROOT, "%-20s %12.4f %12.4f %+12.4f", entry.getKey(), a, b, b - a);
      if (base != null) {
        double reference = ofBase.getOrDefault(entry.getKey(), Double.NaN);
        out.printf(Locale.ROOT, "%12.4f %12s", reference, recovered(a, b, reference));
      }
      out.println();
    }
    out.flush();
    return 0;
  }

  private void compareWeights() throws IOException {
    List<WeightDifference> differences;
    try (ModelReader a = Models.reader(first);
        ModelReader b = Models.reader(second);
        TransferBar bar = new TransferBar("compare")) {
      differences = WeightDifference.of(a, b, bar);
    }
    PrintWriter out = spec.commandLine().getOut();
    int width = differences.stream().mapToInt(d -> d.name().length()).max().orElse(0);
    for (WeightDifference difference : differences) {
      out.printf("%-" + width + "s  %s%n", difference.name(), difference);
    }
    long equal = differences.stream().filter(WeightDifference::isEqual).count();
    out.printf("%d tensors, %d equal%n", differences.size(), equal);
    out.flush();
  }

  private Map<String, Double> of(Path model) throws IOException {
    try (ScoredModel loaded = loading.scored(model)) {
      return scores.of(loaded);
    }
  }

  /** Nothing can be recovered where nothing was lost. */
  static String recovered(double a, double b, double base) {
    double share = (b - a) / (base - a);
    return Math.abs(base - a) < 1e-9 || Double.isNaN(share)
        ? "n/a"
        : String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }
}

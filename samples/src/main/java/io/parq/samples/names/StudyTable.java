package io.parq.samples.names;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;

/** The long study's scores as tables in Markdown: mean and standard deviation over seeds. */
final class StudyTable {
  private static final List<String> ROUNDED =
      List.of(
          Trial.NEAREST + " of " + Trial.BASE,
          Trial.OPTIMAL + " of " + Trial.BASE,
          Trial.NEAREST + " of " + Trial.CONTROL,
          Trial.OPTIMAL + " of " + Trial.CONTROL);

  private final List<StudyScore> scores;
  private final StringBuilder text = new StringBuilder();

  /** The seeds of which all models of the base are scored. */
  private List<Integer> seeds = List.of();

  private StudyTable(List<StudyScore> scores) {
    this.scores = scores;
  }

  /** {@return the tables of what is complete} */
  static String render(List<StudyScore> scores) {
    StudyTable table = new StudyTable(scores);
    for (String base : List.of(StudyScore.SHORT, StudyScore.LONG)) {
      List<Integer> seen =
          scores.stream().filter(s -> s.base().equals(base)).map(StudyScore::seed).toList();
      long most =
          seen.stream().mapToLong(seed -> Collections.frequency(seen, seed)).max().orElse(0);
      table.seeds =
          seen.stream()
              .distinct()
              .filter(seed -> Collections.frequency(seen, seed) == most)
              .sorted()
              .toList();
      if (!table.seeds.isEmpty()) {
        table.base(base);
      }
    }
    return table.text.toString();
  }

  private void base(String base) {
    line(
        "%s base: %s bits a character, control %s; seeds: %d",
        base,
        over(seed -> bits(seed, base, Trial.FP32, Trial.BASE), "%.4f"),
        over(seed -> bits(seed, base, Trial.FP32, Trial.CONTROL), "%.4f"),
        seeds.size());
    line("");
    line(
        "| linear weights | trained by | bits a character | behind control | recovered of control |");
    line("|---|---|---|---|---|");
    for (StudyScore row : trained(base)) {
      line(
          "| %s | %s | %s | %s | %s |",
          row.weights(),
          row.method(),
          over(seed -> bits(seed, base, row.weights(), row.method()), "%.4f"),
          over(seed -> behind(seed, base, row), "%+.4f"),
          over(seed -> recovered(seed, base, row), "%.0f %%"));
    }
    line("");
    line("| linear weights | %s |", String.join(" | ", ROUNDED));
    line("|---|---|---|---|---|");
    for (String weights : rounded(base)) {
      line(
          "| %s | %s |",
          weights,
          String.join(
              " | ",
              ROUNDED.stream()
                  .map(method -> over(seed -> bits(seed, base, weights, method), "%.4f"))
                  .toList()));
    }
    line("");
    headline(base);
  }

  /** 3 bits trained against 4 bits rounded. */
  private void headline(String base) {
    line("| 3 bits per row, PARQ, less | error-optimal of base | error-optimal of control |");
    line("|---|---|---|");
    for (String weights : List.of("4 bits", "4 bits, groups of 32")) {
      line(
          "| %s | %s | %s |",
          weights,
          over(seed -> less(seed, base, weights, Trial.BASE), "%+.4f"),
          over(seed -> less(seed, base, weights, Trial.CONTROL), "%+.4f"));
    }
    line("");
  }

  private double less(int seed, String base, String weights, String of) {
    return bits(seed, base, "3 bits", Trial.PARQ)
        - bits(seed, base, weights, Trial.OPTIMAL + " of " + of);
  }

  private double behind(int seed, String base, StudyScore row) {
    return bits(seed, base, row.weights(), row.method())
        - bits(seed, base, Trial.FP32, Trial.CONTROL);
  }

  /** NaN where rounding loses next to nothing. */
  private double recovered(int seed, String base, StudyScore row) {
    String weights = row.weights().replaceAll(",.*", "");
    OptionalDouble found =
        Results.recovered(
            bits(seed, base, weights, Trial.OPTIMAL + " of " + Trial.CONTROL),
            bits(seed, base, row.weights(), row.method()),
            bits(seed, base, Trial.FP32, Trial.CONTROL));
    return found.orElse(Double.NaN);
  }

  private List<StudyScore> trained(String base) {
    return scores.stream()
        .filter(score -> score.seed() == seeds.getFirst() && score.base().equals(base))
        .filter(score -> List.of(Trial.PARQ, Trial.STRAIGHT_THROUGH).contains(score.method()))
        .toList();
  }

  private List<String> rounded(String base) {
    List<String> found = new ArrayList<>();
    for (StudyScore score : scores) {
      if (score.base().equals(base)
          && ROUNDED.contains(score.method())
          && !found.contains(score.weights())) {
        found.add(score.weights());
      }
    }
    return found;
  }

  private double bits(int seed, String base, String weights, String method) {
    return scores.stream()
        .filter(score -> score.is(seed, base, weights, method))
        .mapToDouble(StudyScore::bits)
        .findFirst()
        .orElse(Double.NaN);
  }

  /** Mean and, of several seeds, standard deviation; n/a if a seed has no value. */
  private String over(ToDoubleFunction<Integer> value, String pattern) {
    double[] values = seeds.stream().mapToDouble(value).toArray();
    double mean = 0;
    for (double v : values) {
      mean += v / values.length;
    }
    if (Double.isNaN(mean)) {
      return "n/a";
    }
    String found = String.format(Locale.ROOT, pattern, mean);
    if (values.length == 1) {
      return found;
    }
    double squares = 0;
    for (double v : values) {
      squares += (v - mean) * (v - mean);
    }
    double deviation = Math.sqrt(squares / (values.length - 1));
    return found + " ± " + String.format(Locale.ROOT, pattern.replace("+", ""), deviation);
  }

  private void line(String pattern, Object... values) {
    text.append(String.format(Locale.ROOT, pattern, values)).append('\n');
  }
}

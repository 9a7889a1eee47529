package io.parq.samples.digits;

import java.io.PrintStream;
import java.util.Locale;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** The results as a table of plain text. */
final class TextTable {
  private static final String ROW = "%-7s%14s%17s%10s%14s%10s%7s%n";

  private final Findings findings;
  private final Results results;
  private final PrintStream out;

  private TextTable(Findings findings, PrintStream out) {
    this.findings = findings;
    this.results = findings.results();
    this.out = out;
  }

  /**
   * Prints the table.
   *
   * @param findings what to print
   * @param out where to
   */
  static void print(Findings findings, PrintStream out) {
    new TextTable(findings, out).print();
  }

  private void print() {
    line(ROW, "weights", "PTQ", "straight-through", "recovered", "PARQ", "recovered", "bytes");
    for (Width width : Width.values()) {
      line(
          ROW,
          width.label(),
          accuracy(width, Method.PTQ),
          accuracy(width, Method.STRAIGHT_THROUGH),
          recovered(width, Method.STRAIGHT_THROUGH),
          accuracy(width, Method.PARQ),
          recovered(width, Method.PARQ),
          format("%,d", findings.packedBytes(width)));
    }
    String base =
        format(
            "base %s, trained on for as long %s",
            accuracy(null, Method.BASE), accuracy(null, Method.CONTROL));
    line("%-8s%-64s%7s%n", "fp32", base, format("%,d", findings.baseBytes()));
    out.println();
    line(
        "Accuracy in %% on %d test images, mean and standard deviation of %d %s.%n",
        results.tested(), results.seeds(), results.seeds() == 1 ? "seed" : "seeds");
    out.println(
        "Recovered = (trained - PTQ) / (base - PTQ); n/a where base - PTQ is within noise.");
  }

  private void line(String pattern, Object... values) {
    out.print(format(pattern, values));
  }

  private String accuracy(@Nullable Width width, Method method) {
    // A console that is not in Unicode would show a question mark.
    String plusMinus = out.charset().newEncoder().canEncode('±') ? " ± " : " +-";
    return format(
        "%.2f%s%5.2f", results.mean(width, method), plusMinus, results.deviation(width, method));
  }

  private String recovered(Width width, Method method) {
    OptionalDouble share = results.recovered(width, method);
    return share.isPresent() ? format("%.0f %%", share.getAsDouble()) : "n/a";
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}

package io.parq.samples.names;

import java.io.PrintStream;
import java.util.Locale;
import java.util.OptionalDouble;

/** The results as a table of plain text. */
final class TextTable {
  private static final String ROW = "%-8s%8s%8s%10s%8s%8s%10s%7s%9s%11s%n";

  private final Findings findings;
  private final Results results;
  private final PrintStream out;

  private TextTable(Findings findings, PrintStream out) {
    this.findings = findings;
    this.results = findings.results();
    this.out = out;
  }

  /**
   * Prints the table, and some names of each model.
   *
   * @param findings what to print
   * @param out where to
   */
  static void print(Findings findings, PrintStream out) {
    TextTable table = new TextTable(findings, out);
    table.table();
    out.println();
    table.generated();
    out.println();
    table.speeds();
  }

  private void table() {
    line(
        "%-8s%16s%18s%8s%10s%16s%n",
        "", "PTQ of base", "PTQ of control", "", "behind", "recovered of");
    line(
        ROW, "weights", "nearest", "optimal", "nearest", "optimal", "QAT", "control", "base",
        "control", "bytes");
    for (Width width : results.widths()) {
      line(
          ROW,
          width.label(),
          bits(width, Method.NEAREST_OF_BASE),
          bits(width, Method.OPTIMAL_OF_BASE),
          bits(width, Method.NEAREST_OF_CONTROL),
          bits(width, Method.OPTIMAL_OF_CONTROL),
          bits(width, Method.QAT),
          format("%+.4f", results.behindControl(width)),
          percent(results.recoveredOfBase(width)),
          percent(results.recoveredOfControl(width)),
          format("%,d", results.bytes(width)));
    }
    line(
        "%-8s%-68s%11s%n",
        "fp32",
        format(
            "base %.4f, trained on for as long (control) %.4f",
            results.bits(null, Method.BASE), results.bits(null, Method.CONTROL)),
        format("%,d", results.bytes(null)));
    out.println();
    line(
        "Bits per character on %,d held-out names; fewer are better. One seed.%n",
        findings.names().heldOut().lines().count());
    out.println("Recovered = (PTQ - QAT) / (PTQ - reference), PTQ being the error-optimal one of");
    out.println("the reference; n/a where PTQ loses next to nothing.");
  }

  private void generated() {
    out.println("Names from each model, drawn with the same seeds:");
    findings
        .generated()
        .forEach(
            (label, names) -> {
              line("  %s%n", label);
              names.forEach(name -> line("    %s%n", name));
            });
  }

  private void speeds() {
    out.println("Generating from these files with parq-runtime, without LibTorch:");
    line(
        "%-8s%18s%18s%21s%n",
        "weights", "bytes in memory", "tokens a second", "bits per character");
    for (Speed speed : findings.speeds()) {
      line(
          "%-8s%,18d%,18.0f%21.4f%n",
          speed.label(), speed.bytes(), speed.tokensPerSecond(), speed.bits());
    }
  }

  private String bits(Width width, Method method) {
    return format("%.4f", results.bits(width, method));
  }

  /** A share, or that there is none. */
  static String percent(OptionalDouble share) {
    return share.isPresent() ? format("%.0f %%", share.getAsDouble()) : "n/a";
  }

  private void line(String pattern, Object... values) {
    out.print(format(pattern, values));
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}

package io.parq.benchmarks;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Prints rows as tables, plain or in Markdown, each row as soon as it is there. */
public final class BenchTable implements Consumer<Row> {
  private static final int NAME_WIDTH = 36;

  private final PrintWriter out;
  private final boolean markdown;
  private String part = "";

  /**
   * Begins.
   *
   * @param out flushed after each row
   * @param markdown whether tables are in Markdown
   */
  public BenchTable(PrintWriter out, boolean markdown) {
    this.out = out;
    this.markdown = markdown;
  }

  /** Prints what the numbers are measured on. */
  public void facts(Map<String, String> facts) {
    facts.forEach((key, value) -> out.println((markdown ? "- " : "") + key + ": " + value));
    out.flush();
  }

  /** Prints a row, and a heading where another table begins. */
  @Override
  public void accept(Row row) {
    String title = row.model() + " model, " + row.section();
    if (!title.equals(part)) {
      part = title;
      head(
          title,
          List.of("to " + baseline(row), "median", "to copy limit", "bytes allocated"),
          "GB/s");
    }
    line(
        row.name(),
        List.of(
            ratio(row.toBaseline()),
            ratio(row.median()),
            ratio(row.toCopy()),
            format("%,.0f", Math.max(0, row.allocated()))),
        format("%.1f", row.speed()));
  }

  /** Prints what was measured of a matrix. */
  public void matrix(RuntimeBench.MatrixRow row) {
    if (!row.part().equals(part)) {
      part = row.part();
      head("matrix " + part, List.of("times fp32's speed", "of bytes' limit"), "GB/s");
    }
    line(
        row.name(),
        List.of(ratio(row.toFp32()), ratio(row.toBytes())),
        format("%.1f", row.speed()));
  }

  /** Prints what was measured of a model. */
  public void model(RuntimeBench.ModelRow row) {
    if (row.base().equals(row.name())) {
      head(
          "model, to " + row.base(),
          List.of("MB", "size", "prefill", "decode"),
          "tokens/s: prefill, decode");
    }
    line(
        row.name(),
        List.of(
            format("%,.0f", row.weights() / 1e6),
            ratio(row.toWeights()),
            ratio(row.toPrefill()),
            ratio(row.toDecode())),
        format("%9.1f %9.1f", row.prefill(), row.decode()));
  }

  private static String baseline(Row row) {
    for (Section section : Section.values()) {
      if (section.title().equals(row.section())) {
        return section.baseline();
      }
    }
    return Section.ADAMW.baseline();
  }

  /**
   * Prints rows of the reference beside ours: where ours were measured with and without a look at
   * the gradients, beside those without, as the reference takes none.
   */
  public void beside(List<Row> rows, Reference.Report reference) {
    facts(reference.facts());
    Map<String, Row> ours =
        rows.stream()
            .filter(row -> !row.section().equals(Section.WRAPPED.title()))
            .collect(
                Collectors.toMap(
                    row -> row.model() + "/" + row.name(),
                    row -> row,
                    (_, unchecked) -> unchecked));
    String model = "";
    for (Reference.Row row : reference.rows()) {
      Row own = ours.get(row.model() + "/" + row.against());
      if (own == null) {
        continue;
      }
      if (!model.equals(row.model())) {
        model = row.model();
        head(
            model + " model, beside PyTorch",
            List.of("parq to AdamW", "theirs to fused", "theirs to parq"),
            "ms");
      }
      line(
          row.name(),
          List.of(ratio(own.toAdamW()), ratio(row.toAdamW()), ratio(row.nanos() / own.nanos())),
          format("%.1f", row.nanos() / 1e6));
    }
  }

  private void head(String title, List<String> columns, String last) {
    out.println();
    if (markdown) {
      out.println("| " + title + " | " + String.join(" | ", columns) + " |");
      out.println("|---|" + "---|".repeat(columns.size()));
    } else {
      out.println(title);
      line("", columns, last);
    }
    out.flush();
  }

  /** The last column has units, and is left out of Markdown, which has ratios only. */
  private void line(String name, List<String> cells, String last) {
    if (markdown) {
      out.println("| " + name + " | " + String.join(" | ", cells) + " |");
    } else {
      StringBuilder line = new StringBuilder(format("%-" + NAME_WIDTH + "s", name));
      cells.forEach(cell -> line.append(format("%17s", cell)));
      out.println(line.append(format("%9s", last)));
    }
    out.flush();
  }

  private static String ratio(double value) {
    return Double.isNaN(value) ? "" : format("%.2f", value);
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}

package io.parq.samples.names;

import java.util.Locale;

/** All scores as comma-separated values: one line a model. */
final class MetricsCsv {
  static final String HEADER =
      "weights,method,linear,embedding,bytes,bits_per_character,names,names_sha256";

  private MetricsCsv() {}

  /** {@return the lines, the header first} */
  static String render(Findings findings) {
    StringBuilder text = new StringBuilder(HEADER).append('\n');
    for (Score score : findings.results().scores()) {
      Width width = score.width();
      text.append(
          String.format(
              Locale.ROOT,
              "%s,%s,%s,%s,%d,%.6f,%d,%s\n",
              width == null ? "fp32" : width.label(),
              score.method().label().replace(",", ""),
              width == null ? "fp32" : width.linear(score.method()),
              width == null ? "fp32" : width.embedding(score.method()),
              score.bytes(),
              score.bits(),
              findings.names().count(),
              findings.names().digest()));
    }
    return text.toString();
  }
}

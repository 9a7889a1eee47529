package io.parq.samples.digits;

import java.util.Locale;

/** All scores as comma-separated values: one line a seed, width and method. */
final class MetricsCsv {
  static final String HEADER = "seed,weights,method,lattice,bytes,correct,total,accuracy";

  private MetricsCsv() {}

  /** {@return the lines, the header first} */
  static String render(Findings findings) {
    StringBuilder text = new StringBuilder(HEADER).append('\n');
    for (Score score : findings.results().scores()) {
      Width width = score.width();
      text.append(
          String.format(
              Locale.ROOT,
              "%d,%s,%s,%s,%d,%d,%d,%.4f\n",
              score.seed(),
              width == null ? "fp32" : width.label(),
              score.method().label().replace(",", ""),
              score.config(),
              width == null ? findings.baseBytes() : findings.packedBytes(width),
              score.correct(),
              score.total(),
              score.accuracy()));
    }
    return text.toString();
  }
}

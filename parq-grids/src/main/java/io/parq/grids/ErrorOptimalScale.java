package io.parq.grids;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The scale of an evenly spaced grid with the least squared error. While the scale shrinks from
 * infinity, each weight moves outward from level to level at known scales. Between two such events
 * all codes c are fixed and the error {@code sum w (x - s c)^2} is least at {@code s = sum(w x c) /
 * sum(w c^2)}, where it has fallen by {@code sum(w x c)^2 / sum(w c^2)}; so one sweep over the
 * sorted events finds the global optimum.
 */
final class ErrorOptimalScale {
  /** Sweeps hold a long for each event; beyond this many a scan comes close enough. */
  private static final int MOST_EVENTS = 1 << 24;

  private static final int SCANNED = 256;
  private static final int REFINEMENTS = 50;

  private ErrorOptimalScale() {}

  /** Levels are {@code (k + shift) * s} for k from min to max; returns 0 for a block of zeros. */
  static double fit(
      float[] x, int from, int n, float @Nullable [] importance, int min, int max, float shift) {
    long events = (long) n * Math.max(max, -min);
    return events <= MOST_EVENTS
        ? sweep(x, from, n, importance, min, max, shift)
        : scan(x, from, n, importance, min, max, shift);
  }

  private static double sweep(
      float[] x, int from, int n, float @Nullable [] importance, int min, int max, float shift) {
    float[] level = new float[n];
    long[] events = new long[Math.toIntExact((long) n * Math.max(max, -min))];
    int count = 0;
    double xc = 0;
    double cc = 0;
    for (int i = 0; i < n; i++) {
      float v = x[from + i];
      float w = weight(importance, from + i);
      level[i] = shift == 0f ? 0f : Math.copySign(shift, v);
      xc += (double) w * v * level[i];
      cc += (double) w * level[i] * level[i];
      float end = v < 0 ? -(min + shift) : max + shift;
      float magnitude = Math.abs(v);
      for (float c = Math.abs(level[i]); magnitude > 0 && c < end; c++) {
        // Positive floats order as their bits do; the index rides along.
        events[count++] = (long) Float.floatToRawIntBits(magnitude / (c + 0.5f)) << 32 | i;
      }
    }
    Arrays.sort(events, 0, count);
    double bestGain = cc > 0 ? xc * xc / cc : 0;
    double best = cc > 0 ? xc / cc : 0;
    for (int e = count - 1; e >= 0; e--) {
      int i = (int) events[e];
      float v = x[from + i];
      double w = weight(importance, from + i);
      float old = level[i];
      level[i] = old + (v < 0 ? -1f : 1f);
      xc += w * v * (level[i] - old);
      cc += w * (level[i] * level[i] - old * old);
      if (cc > 0 && xc * xc / cc > bestGain) {
        bestGain = xc * xc / cc;
        best = xc / cc;
      }
    }
    return best;
  }

  private static double scan(
      float[] x, int from, int n, float @Nullable [] importance, int min, int max, float shift) {
    double widest = 2.0 * Lattice.KERNELS.absMax(x, from, n, 0f) / (max - min);
    double best = widest;
    double least = Double.POSITIVE_INFINITY;
    for (int j = 1; j <= SCANNED; j++) {
      double scale = widest * 1.25 * j / SCANNED;
      double error = error(scale, x, from, n, importance, min, max, shift);
      if (error < least) {
        least = error;
        best = scale;
      }
    }
    return refine(best, x, from, n, importance, min, max, shift);
  }

  /** Alternates nearest codes and the best scale for them until nothing changes. */
  private static double refine(
      double scale,
      float[] x,
      int from,
      int n,
      float @Nullable [] importance,
      int min,
      int max,
      float shift) {
    for (int round = 0; round < REFINEMENTS && scale > 0; round++) {
      double xc = 0;
      double cc = 0;
      for (int i = from; i < from + n; i++) {
        double c = Math.clamp(Math.rint(x[i] / scale - shift), min, max) + shift;
        xc += weight(importance, i) * x[i] * c;
        cc += weight(importance, i) * c * c;
      }
      double next = cc > 0 ? xc / cc : scale;
      if (next == scale || next <= 0) {
        break;
      }
      scale = next;
    }
    return scale;
  }

  static double error(
      double scale,
      float[] x,
      int from,
      int n,
      float @Nullable [] importance,
      int min,
      int max,
      float shift) {
    double sum = 0;
    for (int i = from; i < from + n; i++) {
      double c = Math.clamp(Math.rint(x[i] / scale - shift), min, max) + shift;
      double d = x[i] - c * scale;
      sum += weight(importance, i) * d * d;
    }
    return sum;
  }

  /** Rounds to the scale type: the best of the nearest value and its two neighbours. */
  static float round(
      float scale,
      ScaleType type,
      float[] x,
      int from,
      int n,
      float @Nullable [] importance,
      int min,
      int max,
      float shift) {
    float step =
        switch (type) {
          case FP32, E4M3 -> 0f; // E4M3 is rounded once all blocks are fitted
          case BF16 -> 0x1p-8f;
          case FP16 -> 0x1p-11f;
          case E8M0 -> 0.5f;
        };
    if (step == 0f) {
      return scale;
    }
    float best = type.round(scale);
    double least = error(best, x, from, n, importance, min, max, shift);
    for (float candidate : new float[] {scale * (1 - step), scale / (1 - step)}) {
      float rounded = type.round(candidate);
      double error = error(rounded, x, from, n, importance, min, max, shift);
      if (error < least) {
        least = error;
        best = rounded;
      }
    }
    return best;
  }

  private static float weight(float @Nullable [] importance, int i) {
    return importance == null ? 1f : importance[i];
  }

  /** Refuses weights of columns that are no such, or grids that have no use for them. */
  static void checkImportance(float @Nullable [] importance, Grid grid, long columns) {
    if (importance == null) {
      return;
    }
    if (importance.length != columns) {
      throw new IllegalArgumentException(
          "importance of %d columns, expected %d".formatted(importance.length, columns));
    }
    if (!grid.spec().endsWith("+error-optimal")) {
      throw new IllegalArgumentException(
          "importance for grid " + grid + ", expected an error-optimal one");
    }
    for (int i = 0; i < importance.length; i++) {
      if (!(importance[i] >= 0 && importance[i] < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "importance %s of column %d, expected finite and at least 0"
                .formatted(importance[i], i));
      }
    }
  }
}

package io.parq.grids;

/**
 * Reductions over a run of floats. Sums are kept in double precision and rounded once; PyTorch's
 * cascaded single-precision sums are a few units in the last place off, by the CPU's vector length.
 */
final class Reduce {
  private Reduce() {}

  /** The largest magnitude; NaN if any value is. */
  static float absMax(float[] x, int from, int length) {
    float largest = 0f;
    for (int i = from; i < from + length; i++) {
      largest = Math.max(largest, Math.abs(x[i]));
    }
    return largest;
  }

  static float absMax(float[] x, int from, int length, float centre) {
    float largest = 0f;
    for (int i = from; i < from + length; i++) {
      largest = Math.max(largest, Math.abs(x[i] - centre));
    }
    return largest;
  }

  static float min(float[] x, int from, int length) {
    float least = x[from];
    for (int i = from + 1; i < from + length; i++) {
      least = Math.min(least, x[i]);
    }
    return least;
  }

  static float max(float[] x, int from, int length) {
    float most = x[from];
    for (int i = from + 1; i < from + length; i++) {
      most = Math.max(most, x[i]);
    }
    return most;
  }

  static float mean(float[] x, int from, int length) {
    double sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += x[i];
    }
    return (float) (sum / length);
  }

  static double meanAbs(float[] x, int from, int length, float centre) {
    // Four sums, so that additions need not wait for one another.
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = from;
    for (; i + 3 < from + length; i += 4) {
      a += Math.abs((double) x[i] - centre);
      b += Math.abs((double) x[i + 1] - centre);
      c += Math.abs((double) x[i + 2] - centre);
      d += Math.abs((double) x[i + 3] - centre);
    }
    for (; i < from + length; i++) {
      a += Math.abs((double) x[i] - centre);
    }
    return (a + b + (c + d)) / length;
  }
}

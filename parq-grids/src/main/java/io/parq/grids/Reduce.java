package io.parq.grids;

/**
 * Reductions over a run of floats. Sums are kept in double precision and rounded once; PyTorch's
 * cascaded single-precision sums are a few units in the last place off, by the CPU's vector length.
 */
final class Reduce {
  private Reduce() {}

  static float absMax(float[] x, int from, int length) {
    int largest = 0;
    for (int i = from; i < from + length; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(x[i]) & 0x7fffffff);
    }
    return Float.intBitsToFloat(largest);
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
    double sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += Math.abs((double) x[i] - centre);
    }
    return sum / length;
  }
}

package io.parq.grids;

/** The sums of {@link ScalarKernels}. */
final class ScalarSums {
  private ScalarSums() {}

  static double sum(float[] x, int from, int length) {
    int whole = from + length - length % BlockKernels.SUM_LANES;
    double even = quarter(x, from, whole) + quarter(x, from + 2, whole);
    double sum = even + (quarter(x, from + 1, whole) + quarter(x, from + 3, whole));
    for (int i = whole; i < from + length; i++) {
      sum += x[i];
    }
    return sum;
  }

  /** Four of the lanes. */
  private static double quarter(float[] x, int from, int end) {
    double s0 = 0;
    double s4 = 0;
    double s8 = 0;
    double s12 = 0;
    for (int i = from; i < end; i += BlockKernels.SUM_LANES) {
      s0 += x[i];
      s4 += x[i + 4];
      s8 += x[i + 8];
      s12 += x[i + 12];
    }
    return (s0 + s8) + (s4 + s12);
  }

  static double sumAbs(float[] x, int from, int length, float centre) {
    int whole = from + length - length % BlockKernels.SUM_LANES;
    double even = quarterAbs(x, from, whole, centre) + quarterAbs(x, from + 2, whole, centre);
    double sum =
        even + (quarterAbs(x, from + 1, whole, centre) + quarterAbs(x, from + 3, whole, centre));
    for (int i = whole; i < from + length; i++) {
      sum += Math.abs(x[i] - (double) centre);
    }
    return sum;
  }

  private static double quarterAbs(float[] x, int from, int end, double centre) {
    double s0 = 0;
    double s4 = 0;
    double s8 = 0;
    double s12 = 0;
    for (int i = from; i < end; i += BlockKernels.SUM_LANES) {
      s0 += Math.abs(x[i] - centre);
      s4 += Math.abs(x[i + 4] - centre);
      s8 += Math.abs(x[i + 8] - centre);
      s12 += Math.abs(x[i + 12] - centre);
    }
    return (s0 + s8) + (s4 + s12);
  }

  static double magnitudes(float[] x, int from, int size) {
    int run = BlockKernels.run(size);
    double sum = 0;
    int i = from;
    for (; i <= from + size - run; i += run) {
      sum +=
          ((double) four(x, i, run) + four(x, i + 2, run))
              + ((double) four(x, i + 1, run) + four(x, i + 3, run));
    }
    for (; i < from + size; i++) {
      sum += Math.abs(x[i]);
    }
    return sum;
  }

  /** Every fourth magnitude of a run. */
  private static float four(float[] x, int i, int run) {
    return (sixteen(x, i, run) + sixteen(x, i + 8, run))
        + (sixteen(x, i + 4, run) + sixteen(x, i + 12, run));
  }

  /** Every sixteenth. */
  private static float sixteen(float[] x, int i, int run) {
    if (run == BlockKernels.SHORT_RUN) {
      return pair(x, i);
    }
    return (pair(x, i) + pair(x, i + 32)) + (pair(x, i + 64) + pair(x, i + 96));
  }

  private static float pair(float[] x, int i) {
    return Math.abs(x[i]) + Math.abs(x[i + 16]);
  }

  static double sumFrom(float[] x, int length, float least) {
    int whole = length - length % BlockKernels.SUM_LANES;
    double even = quarterFrom(x, 0, whole, least) + quarterFrom(x, 2, whole, least);
    double sum = even + (quarterFrom(x, 1, whole, least) + quarterFrom(x, 3, whole, least));
    for (int i = whole; i < length; i++) {
      sum += from(x[i], least);
    }
    return sum;
  }

  private static double from(float v, float least) {
    return v >= least ? v : 0;
  }

  private static double quarterFrom(float[] x, int from, int end, float least) {
    double s0 = 0;
    double s4 = 0;
    double s8 = 0;
    double s12 = 0;
    for (int i = from; i < end; i += BlockKernels.SUM_LANES) {
      s0 += from(x[i], least);
      s4 += from(x[i + 4], least);
      s8 += from(x[i + 8], least);
      s12 += from(x[i + 12], least);
    }
    return (s0 + s8) + (s4 + s12);
  }
}

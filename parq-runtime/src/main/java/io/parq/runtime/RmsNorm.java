package io.parq.runtime;

/** Divides by the root of the mean square and multiplies by weights. */
final class RmsNorm {
  private final float[] weights;
  private final double epsilon;

  private RmsNorm(float[] weights, double epsilon) {
    this.weights = weights;
    this.epsilon = epsilon;
  }

  /** Gemma stores weights less one. */
  static RmsNorm of(float[] weights, double epsilon, boolean plusOne) {
    if (plusOne) {
      for (int i = 0; i < weights.length; i++) {
        weights[i] += 1;
      }
    }
    return new RmsNorm(weights, epsilon);
  }

  /** Normalizes one vector of {@code x} in place. */
  void apply(float[] x, int at) {
    float factor = (float) (1 / Math.sqrt(squares(x, at) / weights.length + epsilon));
    for (int i = 0; i < weights.length; i++) {
      x[at + i] = x[at + i] * factor * weights[i];
    }
  }

  /** The sum of squares, in four parts: additions that wait for one another take long. */
  private double squares(float[] x, int at) {
    double first = 0;
    double second = 0;
    double third = 0;
    double fourth = 0;
    int end = at + weights.length;
    int i = at;
    for (; i <= end - 4; i += 4) {
      first += (double) x[i] * x[i];
      second += (double) x[i + 1] * x[i + 1];
      third += (double) x[i + 2] * x[i + 2];
      fourth += (double) x[i + 3] * x[i + 3];
    }
    for (; i < end; i++) {
      first += (double) x[i] * x[i];
    }
    return first + second + (third + fourth);
  }

  /** Normalized copies of vectors, in the caller's scratch. */
  float[] copy(float[] x) {
    float[] y = Scratch.ofCaller().floats(x.length);
    System.arraycopy(x, 0, y, 0, x.length);
    for (int at = 0; at < y.length; at += weights.length) {
      apply(y, at);
    }
    return y;
  }
}

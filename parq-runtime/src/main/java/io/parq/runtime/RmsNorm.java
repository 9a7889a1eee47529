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
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += (double) x[at + i] * x[at + i];
    }
    float factor = (float) (1 / Math.sqrt(sum / weights.length + epsilon));
    for (int i = 0; i < weights.length; i++) {
      x[at + i] = x[at + i] * factor * weights[i];
    }
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

package io.parq.optim;

import java.util.List;

/** What Adam and AdamW share: moments, a group's scalars for one step, and the loop. */
record AdamUpdate(
    float decayFactor,
    float l2,
    float firstShare,
    float beta2,
    float secondShare,
    float minusStepSize,
    float correction,
    float epsilon) {
  static final List<String> MOMENTS = List.of("exp_avg", "exp_avg_sq");

  /**
   * Computes the scalars in double precision.
   *
   * @param step counted from 1
   * @param decoupled whether weight decay shrinks the weights (AdamW) or adds to the gradient
   *     (Adam)
   */
  static AdamUpdate of(
      ParamGroup group, long step, double beta1, double beta2, double epsilon, boolean decoupled) {
    double rate = group.learningRate();
    double decay = group.weightDecay();
    return new AdamUpdate(
        decoupled ? (float) (1 - rate * decay) : 1f,
        decoupled ? 0f : (float) decay,
        (float) (1 - beta1),
        (float) beta2,
        (float) (1 - beta2),
        (float) -(rate / (1 - Math.pow(beta1, (double) step))),
        (float) Math.sqrt(1 - Math.pow(beta2, (double) step)),
        (float) epsilon);
  }

  static void check(
      double learningRate, double beta1, double beta2, double epsilon, double weightDecay) {
    Checks.nonNegative("learning rate", learningRate);
    Checks.fraction("beta1", beta1);
    Checks.fraction("beta2", beta2);
    Checks.nonNegative("epsilon", epsilon);
    Checks.nonNegative("weight decay", weightDecay);
  }

  static String spec(String name, double beta1, double beta2, double epsilon) {
    return "%s beta1=%s beta2=%s epsilon=%s".formatted(name, beta1, beta2, epsilon);
  }

  void apply(float[] w, float[] g, float[] m, float[] v, int length) {
    if (firstShare < 0.5f) {
      applyFromStart(w, g, m, v, length);
    } else {
      applyFromEnd(w, g, m, v, length);
    }
  }

  private void applyFromStart(float[] w, float[] g, float[] m, float[] v, int length) {
    for (int i = 0; i < length; i++) {
      float d = g[i] + l2 * w[i];
      float first = m[i] + firstShare * (d - m[i]);
      float second = v[i] * beta2 + secondShare * d * d;
      m[i] = first;
      v[i] = second;
      float denominator = (float) Math.sqrt(second) / correction + epsilon;
      w[i] = w[i] * decayFactor + minusStepSize * first / denominator;
    }
  }

  /** PyTorch interpolates from the nearer end. */
  private void applyFromEnd(float[] w, float[] g, float[] m, float[] v, int length) {
    float oldShare = 1f - firstShare;
    for (int i = 0; i < length; i++) {
      float d = g[i] + l2 * w[i];
      float first = d - (d - m[i]) * oldShare;
      float second = v[i] * beta2 + secondShare * d * d;
      m[i] = first;
      v[i] = second;
      float denominator = (float) Math.sqrt(second) / correction + epsilon;
      w[i] = w[i] * decayFactor + minusStepSize * first / denominator;
    }
  }
}

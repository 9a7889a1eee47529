package io.parq.optim;

import java.util.List;

/** What Adam and AdamW share: moments, and a group's scalars for one step. */
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

  static String spec(String name, double beta1, double beta2, double epsilon, Moments moments) {
    return "%s beta1=%s beta2=%s epsilon=%s%s"
        .formatted(name, beta1, beta2, epsilon, moments.spec());
  }

  /** PyTorch interpolates the first moment from the nearer end. */
  boolean isFromStart() {
    return firstShare < 0.5f;
  }
}

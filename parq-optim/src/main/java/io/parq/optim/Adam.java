package io.parq.optim;

import java.util.List;

/**
 * Adam, as PyTorch's {@code torch.optim.Adam}: weight decay is added to the gradient. In step t
 *
 * <pre>
 * d = g + weightDecay * w
 * m = m + (1 - beta1) * (d - m)
 * v = beta2 * v + (1 - beta2) * d * d
 * w = w - learningRate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 * </pre>
 */
public final class Adam extends ElementwiseOptimizer {
  private final Options options;
  private final AdamUpdate[] updates;

  /**
   * Hyperparameters. Learning rate and weight decay are defaults for groups that have none.
   *
   * @param learningRate at least 0
   * @param beta1 decay of the gradient's running average, 0 to below 1
   * @param beta2 decay of the squared gradient's running average, 0 to below 1
   * @param epsilon added to the denominator, at least 0
   * @param weightDecay at least 0, added to the gradient as {@code weightDecay * w}
   * @param moments in which precision they are kept
   */
  public record Options(
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      Moments moments) {
    /** PyTorch's: learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8, weight decay 0. */
    public static final Options DEFAULTS = new Options(1e-3, 0.9, 0.999, 1e-8, 0);

    /** Checks the ranges. */
    public Options {
      AdamUpdate.check(learningRate, beta1, beta2, epsilon, weightDecay);
    }

    /**
     * Options with moments in single precision.
     *
     * @param learningRate at least 0
     * @param beta1 as above
     * @param beta2 as above
     * @param epsilon at least 0
     * @param weightDecay at least 0
     */
    public Options(
        double learningRate, double beta1, double beta2, double epsilon, double weightDecay) {
      this(learningRate, beta1, beta2, epsilon, weightDecay, Moments.FP32);
    }

    /**
     * {@return these options with another learning rate}
     *
     * @param rate at least 0
     */
    public Options withLearningRate(double rate) {
      return new Options(rate, beta1, beta2, epsilon, weightDecay, moments);
    }

    /**
     * {@return these options with another weight decay}
     *
     * @param decay at least 0
     */
    public Options withWeightDecay(double decay) {
      return new Options(learningRate, beta1, beta2, epsilon, decay, moments);
    }

    /**
     * {@return these options with moments in another precision}
     *
     * @param precision in which they are kept
     */
    public Options withMoments(Moments precision) {
      return new Options(learningRate, beta1, beta2, epsilon, weightDecay, precision);
    }
  }

  /**
   * Adam with PyTorch's defaults.
   *
   * @param groups the parameters; weights are updated in place by each step
   * @param learningRate default for groups that have none
   * @throws IllegalArgumentException if two parameters share a name or memory
   */
  public Adam(List<ParamGroup> groups, double learningRate) {
    this(groups, Options.DEFAULTS.withLearningRate(learningRate));
  }

  /**
   * Adam with options.
   *
   * @param groups the parameters; weights are updated in place by each step
   * @param options hyperparameters
   * @throws IllegalArgumentException if two parameters share a name or memory
   */
  public Adam(List<ParamGroup> groups, Options options) {
    super(groups, options.learningRate, options.weightDecay, AdamUpdate.MOMENTS, options.moments);
    this.options = options;
    this.updates = new AdamUpdate[groups.size()];
  }

  @Override
  String spec() {
    return AdamUpdate.spec("adam", options.beta1, options.beta2, options.epsilon, options.moments);
  }

  @Override
  void prepare(int group, ParamGroup hyperparameters, long step) {
    updates[group] =
        AdamUpdate.of(hyperparameters, step, options.beta1, options.beta2, options.epsilon, false);
  }

  @Override
  void update(int group, Tile tile) {
    UpdateKernels.Best.KERNELS.adam(updates[group], tile);
  }

  @Override
  void update(int group, Tile tile, short[] first, short[] second) {
    UpdateKernels.Best.KERNELS.adam(updates[group], tile, first, second);
  }
}

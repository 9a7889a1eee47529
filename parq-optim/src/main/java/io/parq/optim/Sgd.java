package io.parq.optim;

import java.util.List;

/**
 * Stochastic gradient descent with momentum, as PyTorch's {@code torch.optim.SGD}:
 *
 * <pre>
 * d = g + weightDecay * w
 * m = momentum * m + (1 - dampening) * d     (m = d in the first step)
 * d = nesterov ? d + momentum * m : m        (without momentum d stays)
 * w = w - learningRate * d
 * </pre>
 */
public final class Sgd extends ElementwiseOptimizer {
  private final Options options;
  private final Coefficients[] coefficients;

  /**
   * Hyperparameters. Learning rate and weight decay are defaults for groups that have none.
   *
   * @param learningRate at least 0
   * @param momentum at least 0; 0 keeps no momentum
   * @param dampening taken from the gradient's share in the momentum
   * @param weightDecay at least 0, added to the gradient as {@code weightDecay * w}
   * @param nesterov whether the update looks ahead; needs momentum and no dampening
   * @param moments in which precision momentum is kept
   */
  public record Options(
      double learningRate,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov,
      Moments moments) {
    /** PyTorch's: learning rate 1e-3, all else 0. */
    public static final Options DEFAULTS = new Options(1e-3, 0, 0, 0, false);

    /** Checks the ranges. */
    public Options {
      Checks.nonNegative("learning rate", learningRate);
      Checks.nonNegative("momentum", momentum);
      Checks.nonNegative("weight decay", weightDecay);
      if (!Double.isFinite(dampening)) {
        throw new IllegalArgumentException("dampening " + dampening + ", expected finite");
      }
      if (nesterov && (momentum == 0 || dampening != 0)) {
        throw new IllegalArgumentException(
            "nesterov with momentum %s and dampening %s, expected momentum above 0 and no dampening"
                .formatted(momentum, dampening));
      }
    }

    /**
     * Options with momentum in single precision.
     *
     * @param learningRate at least 0
     * @param momentum at least 0
     * @param dampening as above
     * @param weightDecay at least 0
     * @param nesterov as above
     */
    public Options(
        double learningRate,
        double momentum,
        double dampening,
        double weightDecay,
        boolean nesterov) {
      this(learningRate, momentum, dampening, weightDecay, nesterov, Moments.FP32);
    }

    /**
     * {@return these options with momentum in another precision}
     *
     * @param precision in which it is kept
     */
    public Options withMoments(Moments precision) {
      return new Options(learningRate, momentum, dampening, weightDecay, nesterov, precision);
    }

    List<String> momentNames() {
      return momentum == 0 ? List.of() : List.of("momentum_buffer");
    }

    String spec() {
      return "momentum=%s dampening=%s nesterov=%s%s"
          .formatted(momentum, dampening, nesterov, moments.spec());
    }
  }

  /** A group's scalars for one step. */
  record Coefficients(
      float learningRate,
      float weightDecay,
      float momentum,
      float share,
      boolean nesterov,
      float pull) {
    /**
     * Rounds the hyperparameters.
     *
     * @param step counted from 1
     * @param pull times the distance of latents from weights is added to the updated latents
     */
    static Coefficients of(Options options, ParamGroup group, long step, double pull) {
      return new Coefficients(
          (float) group.learningRate(),
          (float) group.weightDecay(),
          (float) options.momentum,
          step == 1 ? 1f : (float) (1 - options.dampening),
          options.nesterov,
          (float) pull);
    }
  }

  /**
   * Plain gradient descent.
   *
   * @param groups the parameters; weights are updated in place by each step
   * @param learningRate default for groups that have none
   * @throws IllegalArgumentException if two parameters share a name or memory
   */
  public Sgd(List<ParamGroup> groups, double learningRate) {
    this(groups, new Options(learningRate, 0, 0, 0, false));
  }

  /**
   * Gradient descent with options.
   *
   * @param groups the parameters; weights are updated in place by each step
   * @param options hyperparameters
   * @throws IllegalArgumentException if two parameters share a name or memory
   */
  public Sgd(List<ParamGroup> groups, Options options) {
    super(
        groups, options.learningRate, options.weightDecay, options.momentNames(), options.moments);
    this.options = options;
    this.coefficients = new Coefficients[groups.size()];
  }

  @Override
  String spec() {
    return "sgd " + options.spec();
  }

  @Override
  void prepare(int group, ParamGroup hyperparameters, long step) {
    coefficients[group] = Coefficients.of(options, hyperparameters, step, 0);
  }

  @Override
  void update(int group, Tile tile) {
    UpdateKernels.Best.KERNELS.sgd(coefficients[group], tile);
  }
}

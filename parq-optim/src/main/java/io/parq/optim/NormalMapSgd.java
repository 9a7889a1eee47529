package io.parq.optim;

import java.util.List;

/**
 * The normal-map proximal stochastic gradient method: {@link Sgd} on the latents, and a pull of
 * strength {@code learningRate / gamma} towards the weights that they were projected to,
 *
 * <pre>
 * latent = sgd(latent) - learningRate / gamma * (latent - weight)    (latent and weight from before)
 * </pre>
 *
 * for quantized parameters once quantization has begun; elsewhere it is plain {@link Sgd}. Under
 * {@code quantShrink} latents are divided by gamma before projection, not by the cumulated learning
 * rate. It must be handed to {@link QuantOptimizer} itself: hidden behind another {@link Optimizer}
 * it is plain {@link Sgd}.
 *
 * <p>Source: Milzarek, Qiu, A normal map-based proximal stochastic gradient method (arXiv
 * 2305.05828); facebookresearch/parq {@code nm_sgd.py}.
 */
public final class NormalMapSgd extends ElementwiseOptimizer {
  private final Sgd.Options options;
  private final double gamma;
  private final Sgd.Coefficients[] coefficients;

  /**
   * Builds the optimizer.
   *
   * @param groups the parameters; weights are updated in place by each step
   * @param options hyperparameters of the gradient step
   * @param gamma parameter of the normal map, above 0
   * @throws IllegalArgumentException if gamma is out of range or two parameters share a name or
   *     memory
   */
  public NormalMapSgd(List<ParamGroup> groups, Sgd.Options options, double gamma) {
    super(
        groups,
        options.learningRate(),
        options.weightDecay(),
        options.momentNames(),
        options.moments());
    this.options = options;
    this.gamma = Checks.positive("gamma", gamma);
    this.coefficients = new Sgd.Coefficients[groups.size()];
  }

  /** {@return the parameter of the normal map} */
  public double gamma() {
    return gamma;
  }

  @Override
  String spec() {
    return "normal-map-sgd " + options.spec() + " gamma=" + gamma;
  }

  @Override
  void prepare(int group, ParamGroup hyperparameters, long step) {
    double pull = -hyperparameters.learningRate() / gamma;
    coefficients[group] = Sgd.Coefficients.of(options, hyperparameters, step, pull);
  }

  @Override
  void update(int group, Tile tile) {
    UpdateKernels.Best.KERNELS.sgd(coefficients[group], tile);
  }

  @Override
  double shrinkDivisor(double cumulatedLearningRate) {
    return gamma;
  }
}

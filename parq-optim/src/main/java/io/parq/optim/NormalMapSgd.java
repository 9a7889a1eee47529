package io.parq.optim;

import java.lang.foreign.MemorySegment;
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
  private final float[] pulls;

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
    super(groups, options.learningRate(), options.weightDecay(), options.momentNames());
    this.options = options;
    this.gamma = Checks.positive("gamma", gamma);
    this.coefficients = new Sgd.Coefficients[groups.size()];
    this.pulls = new float[groups.size()];
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
    coefficients[group] = Sgd.Coefficients.of(options, hyperparameters, step);
    pulls[group] = (float) (-hyperparameters.learningRate() / gamma);
  }

  @Override
  void update(int group, float[] x, float[] gradient, float[] first, float[] second, int length) {
    Sgd.update(coefficients[group], x, gradient, first, length);
  }

  @Override
  void beforeUpdate(Tile tile, Chunk chunk, float[] x, MemorySegment projected) {
    float[] correction = tile.lower;
    Floats.load(projected, chunk.start(), correction, chunk.length());
    for (int i = 0; i < chunk.length(); i++) {
      correction[i] = x[i] - correction[i];
    }
  }

  @Override
  void afterUpdate(int group, Tile tile, float[] x, int length) {
    float[] correction = tile.lower;
    float pull = pulls[group];
    for (int i = 0; i < length; i++) {
      x[i] = x[i] + pull * correction[i];
    }
  }

  @Override
  double shrinkDivisor(double cumulatedLearningRate) {
    return gamma;
  }
}

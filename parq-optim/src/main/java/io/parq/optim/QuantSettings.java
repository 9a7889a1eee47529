package io.parq.optim;

import org.jspecify.annotations.Nullable;

/**
 * The fixed settings of a {@link QuantOptimizer}, which a loaded state must share; {@link
 * QuantBuilder} has the defaults.
 *
 * @param prox the proximal map
 * @param warmupSteps for how many steps nothing is quantized, at least 0
 * @param quantPeriod after how many steps lattices are fitted again, at least 1
 * @param quantShrink whether latents are divided by the sum of learning rates
 * @param annealWdFrac fraction of the weight decay that follows the map's inverse slope, 0 to 1
 * @param schedule factors of the learning rates, or null to leave them alone
 * @param clipNorm the norm that gradients are clipped to, above 0, infinite for none
 * @param onNonFinite what happens when a gradient is not finite
 */
public record QuantSettings(
    ProxMap prox,
    long warmupSteps,
    int quantPeriod,
    boolean quantShrink,
    double annealWdFrac,
    @Nullable LrSchedule schedule,
    double clipNorm,
    NonFinite onNonFinite) {
  private static final String FORMAT = "quant-optimizer 1";

  /** Checks the ranges. */
  public QuantSettings {
    Checks.atLeast("warm-up steps", warmupSteps, 0);
    Checks.atLeast("quant period", quantPeriod, 1);
    Checks.unit("anneal weight decay fraction", annealWdFrac);
    if (!(clipNorm > 0)) {
      throw new IllegalArgumentException("maximum norm " + clipNorm + ", expected above 0");
    }
  }

  /** {@return whether gradients are clipped} */
  public boolean clips() {
    return clipNorm < Double.POSITIVE_INFINITY;
  }

  /**
   * {@return whether lattices are fitted in a step}
   *
   * @param step steps before it, at least {@link #warmupSteps}
   */
  public boolean refits(long step) {
    return (step - warmupSteps) % quantPeriod == 0;
  }

  void write(StateWriter writer) {
    writer.text("format", FORMAT);
    writer.text("prox", prox.toString());
    writer.text("warmup_steps", Long.toString(warmupSteps));
    writer.text("quant_period", Integer.toString(quantPeriod));
    writer.text("quant_shrink", Boolean.toString(quantShrink));
    writer.text("anneal_wd_frac", Double.toString(annealWdFrac));
    writer.text("schedule", String.valueOf(schedule));
    writer.text("clip_norm", Double.toString(clipNorm));
  }

  void check(StateReader reader) {
    reader.text("format", FORMAT);
    reader.text("prox", prox.toString());
    reader.text("warmup_steps", Long.toString(warmupSteps));
    reader.text("quant_period", Integer.toString(quantPeriod));
    reader.text("quant_shrink", Boolean.toString(quantShrink));
    reader.text("anneal_wd_frac", Double.toString(annealWdFrac));
    reader.text("schedule", String.valueOf(schedule));
    reader.text("clip_norm", Double.toString(clipNorm));
  }
}

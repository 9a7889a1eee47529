package io.parq.optim;

import io.parq.grids.Target;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of an optimizer that quantizes, with their defaults: {@link QuantOptimizer} and adapters
 * around it for other libraries are built from them.
 *
 * @param <B> the builder itself
 */
public abstract class QuantBuilder<B extends QuantBuilder<B>> {
  private ProxMap prox = ProxMap.hard();
  private long warmupSteps;
  private int quantPeriod = 10;
  private boolean quantShrink;
  private double annealWdFrac;
  private @Nullable LrSchedule schedule;
  private double clipNorm = Double.POSITIVE_INFINITY;
  private NonFinite onNonFinite = NonFinite.FAIL;
  private @Nullable Target target;

  /** The hard map, no warm-up and a refit period of 10. */
  protected QuantBuilder() {}

  /** {@return this} */
  protected abstract B self();

  /**
   * Sets the proximal map; {@link ProxMap#hard} by default.
   *
   * @param map its schedule counts the steps of the wrapper, warm-up included
   * @return this
   */
  public final B prox(ProxMap map) {
    prox = map;
    return self();
  }

  /**
   * Sets for how many steps nothing is quantized; 0 by default.
   *
   * @param count at least 0
   * @return this
   */
  public final B warmupSteps(long count) {
    warmupSteps = count;
    return self();
  }

  /**
   * Sets after how many steps lattices are fitted again; 10 by default.
   *
   * @param count at least 1
   * @return this
   */
  public final B quantPeriod(int count) {
    quantPeriod = count;
    return self();
  }

  /**
   * Sets whether latents are divided by {@code max(1, sum of learning rates so far)} before they
   * are projected; off by default.
   *
   * @param shrink whether
   * @return this
   */
  public final B quantShrink(boolean shrink) {
    quantShrink = shrink;
    return self();
  }

  /**
   * Sets which fraction of the quantized groups' weight decay follows the inverse slope of {@link
   * Parq}: {@code decay = inverseSlope * fraction * initial + (1 - fraction) * initial}, in effect
   * from the next step; 0 by default. At the window's end it stays at its last value.
   *
   * @param fraction 0 to 1
   * @return this
   */
  public final B annealWdFrac(double fraction) {
    annealWdFrac = fraction;
    return self();
  }

  /**
   * Lets a schedule set the learning rate of every group in every step: its factor times the rate
   * that the group has when the optimizer is built. By default rates are left alone.
   *
   * @param factors counts the steps of the wrapper
   * @return this
   */
  public final B schedule(LrSchedule factors) {
    schedule = factors;
    return self();
  }

  /**
   * Clips the norm of all gradients, in place, as {@link Gradients#clipNorm} does; off by default.
   *
   * @param maxNorm above 0; infinite for none
   * @return this
   */
  public final B clipNorm(double maxNorm) {
    clipNorm = maxNorm;
    return self();
  }

  /**
   * Sets what happens when a gradient is not finite; {@link NonFinite#FAIL} by default.
   *
   * @param policy fail, skip or ignore
   * @return this
   */
  public final B onNonFinite(NonFinite policy) {
    onNonFinite = policy;
    return self();
  }

  /**
   * Sets the format that must be able to hold every quantized parameter; none by default.
   *
   * @param format asked when the optimizer is built
   * @return this
   */
  public final B target(Target format) {
    target = format;
    return self();
  }

  /**
   * Asks the target, if there is one.
   *
   * @param groups the parameters; not modified
   * @throws TargetException if it cannot hold one
   */
  protected final void checkTarget(List<ParamGroup> groups) {
    if (target != null) {
      TargetException.check(groups, target);
    }
  }

  /**
   * {@return what was set so far}
   *
   * @throws IllegalArgumentException if a number is out of range
   */
  protected final QuantSettings settings() {
    return new QuantSettings(
        prox, warmupSteps, quantPeriod, quantShrink, annealWdFrac, schedule, clipNorm, onNonFinite);
  }
}

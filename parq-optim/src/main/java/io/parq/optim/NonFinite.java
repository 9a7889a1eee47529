package io.parq.optim;

/**
 * What {@link QuantOptimizer#step} does when a gradient is NaN or infinite. Either way nothing has
 * changed then. A latent or weight that is not finite is an error under both: no later step could
 * heal it.
 */
public enum NonFinite {
  /** Throw a {@link NonFiniteException}. */
  FAIL,
  /**
   * Log a warning, count the step as skipped, and leave weights, state and schedules as they are.
   */
  SKIP
}

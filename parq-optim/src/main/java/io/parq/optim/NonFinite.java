package io.parq.optim;

/**
 * What {@link QuantOptimizer#step} does when a gradient is NaN or infinite. Unless it ignores them,
 * nothing has changed then, and a latent or weight that is not finite is an error: no later step
 * could heal it.
 */
public enum NonFinite {
  /** Throw a {@link NonFiniteException}. */
  FAIL,
  /**
   * Log a warning, count the step as skipped, and leave weights, state and schedules as they are.
   */
  SKIP,
  /**
   * Do not look for them, as PyTorch's optimizers do not, which saves reading all gradients once
   * more. They spread into weights and state; a step that fits a lattice ends with an {@link
   * ArithmeticException}, and the state is of no use then.
   */
  IGNORE
}

package io.parq.cli.recipe;

import io.parq.optim.Parq;
import io.parq.optim.ProxMap;
import io.parq.optim.SoftQuant;

/**
 * The proximal map of a recipe, its window in steps or fractions of all steps.
 *
 * @param shape which map
 * @param annealStart when the window begins
 * @param annealEnd when it ends
 * @param steepness of {@link Parq}
 * @param annealCenter of {@link Parq}
 * @param tStart of {@link SoftQuant}
 * @param tEnd of {@link SoftQuant}
 * @param tPower of {@link SoftQuant}
 */
public record Prox(
    Shape shape,
    Steps annealStart,
    Steps annealEnd,
    double steepness,
    double annealCenter,
    double tStart,
    double tEnd,
    double tPower) {
  private static final String KEY = "qat.prox";

  /** The maps. */
  public enum Shape {
    /** Rounds at every step: the straight-through estimator. */
    HARD,
    /** {@link Parq}. */
    PARQ,
    /** {@link io.parq.optim.BinaryRelax}. */
    BINARY_RELAX,
    /** {@link SoftQuant}. */
    SOFT_QUANT
  }

  /** Checks what does not depend on the number of steps. */
  public Prox {
    if (shape != Shape.HARD
        && annealStart.isFraction() == annealEnd.isFraction()
        && annealEnd.amount() <= annealStart.amount()) {
      throw new KeyException(
          KEY + ".anneal_end",
          "found %s, expected after anneal_start %s".formatted(annealEnd, annealStart));
    }
    if (shape == Shape.SOFT_QUANT && tEnd <= tStart) {
      throw new KeyException(
          KEY + ".t_end", "found %s, expected above t_start %s".formatted(tEnd, tStart));
    }
    if (shape == Shape.PARQ && !(steepness > 1e-14)) {
      throw new KeyException(KEY + ".steepness", "found " + steepness + ", expected above 1e-14");
    }
  }

  /**
   * {@return the map for a training of so many steps} A window that is a fraction is moved where
   * needed so that it has at least one step and the last step lies behind it.
   *
   * @param totalSteps all steps, at least 1
   * @throws KeyException if the window does not end before the last step, in which weights must lie
   *     on their levels
   */
  public ProxMap map(long totalSteps) {
    if (shape == Shape.HARD) {
      return ProxMap.hard();
    }
    long last = totalSteps - 1;
    if (!annealEnd.isFraction() && annealEnd.of(totalSteps) > last) {
      throw new KeyException(
          KEY + ".anneal_end",
          "found %s, expected before the last of %d steps, or weights end off their levels"
              .formatted(annealEnd, totalSteps));
    }
    if (last < 1) {
      return ProxMap.hard();
    }
    long end = Math.clamp(annealEnd.of(totalSteps), 1, last);
    long start = annealStart.of(totalSteps);
    if (!annealStart.isFraction() && start >= end) {
      throw new KeyException(
          KEY + ".anneal_start",
          "found %s, expected before anneal_end, which is step %d of %d"
              .formatted(annealStart, end, totalSteps));
    }
    start = Math.min(start, end - 1);
    return switch (shape) {
      case HARD -> ProxMap.hard();
      case PARQ -> new Parq(start, end, steepness, annealCenter);
      case BINARY_RELAX -> ProxMap.binaryRelax(start, end);
      case SOFT_QUANT -> new SoftQuant(start, end, tStart, tEnd, tPower);
    };
  }
}

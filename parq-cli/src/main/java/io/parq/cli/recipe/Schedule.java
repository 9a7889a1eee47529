package io.parq.cli.recipe;

import io.parq.optim.LrSchedule;

/**
 * The learning rate over time.
 *
 * @param name how it falls
 * @param warmup steps in which it rises
 * @param minFactor where it ends, as a factor on the learning rate, 0 to 1
 * @param decay steps in which it falls, of {@link Name#WSD}
 */
public record Schedule(Name name, Steps warmup, double minFactor, Steps decay) {
  /** The schedules. */
  public enum Name {
    /** Half a cosine. */
    COSINE,
    /** A straight line. */
    LINEAR,
    /** It stays. */
    CONSTANT,
    /** It stays, then falls linearly. */
    WSD
  }

  /**
   * {@return the schedule for a training of so many steps}
   *
   * @param totalSteps all steps, at least 1
   * @throws KeyException if warm-up and decay take more than that
   */
  public LrSchedule schedule(long totalSteps) {
    long rise = warmup.of(totalSteps);
    if (rise >= totalSteps && rise > 0 && !(warmup.isFraction() && warmup.amount() < 1)) {
      throw new KeyException(
          "schedule.warmup",
          "found %s, expected fewer than all %d steps".formatted(warmup, totalSteps));
    }
    long rest = Math.max(1, totalSteps - rise);
    return switch (name) {
      case CONSTANT -> afterRise(rise, LrSchedule.constant());
      case COSINE -> afterRise(rise, LrSchedule.cosine(rest, minFactor));
      case LINEAR -> LrSchedule.wsd(rise, 0, rest, minFactor);
      case WSD -> {
        long fall = Math.max(1, decay.of(totalSteps));
        // Fractions that fit may round to a step too many.
        boolean fits =
            warmup.isFraction()
                && decay.isFraction()
                && warmup.amount() + decay.amount() <= 1 + 1e-12;
        fall = fits ? Math.min(fall, rest) : fall;
        if (fall > rest) {
          throw new KeyException(
              "schedule.decay",
              "found %s, expected at most the %d of %d steps after warm-up"
                  .formatted(decay, rest, totalSteps));
        }
        yield LrSchedule.wsd(rise, rest - fall, fall, minFactor);
      }
    };
  }

  private static LrSchedule afterRise(long rise, LrSchedule then) {
    return rise == 0 ? then : LrSchedule.linearWarmup(rise, then);
  }
}

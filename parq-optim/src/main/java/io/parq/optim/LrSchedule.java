package io.parq.optim;

/**
 * A learning rate over time, as a factor on each group's own rate. Schedules are values and compare
 * by content.
 */
public sealed interface LrSchedule {
  /**
   * {@return the factor for a step}
   *
   * @param step steps taken before it, at least 0
   */
  double factor(long step);

  /** Always 1. */
  record Constant() implements LrSchedule {
    @Override
    public double factor(long step) {
      return 1;
    }
  }

  /**
   * Rises in equal increments to the first factor of another schedule, which then begins.
   *
   * @param steps length of the rise, at least 1; its last step has the full factor
   * @param then what follows
   */
  record LinearWarmup(long steps, LrSchedule then) implements LrSchedule {
    /** Checks the length. */
    public LinearWarmup {
      Checks.atLeast("warm-up steps", steps, 1);
    }

    @Override
    public double factor(long step) {
      return step < steps
          ? (step + 1) / (double) steps * then.factor(0)
          : then.factor(step - steps);
    }
  }

  /**
   * Falls from 1 along half a cosine and then stays.
   *
   * @param totalSteps length of the fall, at least 1
   * @param minFactor where it ends, 0 to 1
   */
  record Cosine(long totalSteps, double minFactor) implements LrSchedule {
    /** Checks the ranges. */
    public Cosine {
      Checks.atLeast("cosine steps", totalSteps, 1);
      Checks.unit("least factor", minFactor);
    }

    @Override
    public double factor(long step) {
      double fraction = Math.min(step, totalSteps) / (double) totalSteps;
      return minFactor + (1 - minFactor) * 0.5 * (1 + StrictMath.cos(Math.PI * fraction));
    }
  }

  /**
   * Warm-up, stable, decay: rises in equal increments to 1, stays there, falls linearly, stays.
   *
   * @param warmup steps of the rise, at least 0
   * @param stable steps at 1, at least 0
   * @param decay steps of the fall, at least 1
   * @param minFactor where it ends, 0 to 1
   */
  record Wsd(long warmup, long stable, long decay, double minFactor) implements LrSchedule {
    /** Checks the ranges. */
    public Wsd {
      Checks.atLeast("warm-up steps", warmup, 0);
      Checks.atLeast("stable steps", stable, 0);
      Checks.atLeast("decay steps", decay, 1);
      Checks.unit("least factor", minFactor);
    }

    @Override
    public double factor(long step) {
      if (step < warmup) {
        return (step + 1) / (double) warmup;
      }
      long falling = Math.clamp(step - warmup - stable, 0, decay);
      return 1 - (1 - minFactor) * (falling / (double) decay);
    }
  }

  /** {@return the factor 1 at every step} */
  static LrSchedule constant() {
    return new Constant();
  }

  /**
   * {@return a linear rise before another schedule}
   *
   * @param steps length of the rise, at least 1
   * @param then what follows; its step 0 is the first after the rise
   */
  static LrSchedule linearWarmup(long steps, LrSchedule then) {
    return new LinearWarmup(steps, then);
  }

  /**
   * {@return half a cosine from 1 down}
   *
   * @param totalSteps length of the fall, at least 1
   * @param minFactor where it ends and stays, 0 to 1
   */
  static LrSchedule cosine(long totalSteps, double minFactor) {
    return new Cosine(totalSteps, minFactor);
  }

  /**
   * {@return warm-up, stable phase and linear decay}
   *
   * @param warmup steps of the rise, at least 0
   * @param stable steps at 1, at least 0
   * @param decay steps of the fall, at least 1
   * @param minFactor where it ends and stays, 0 to 1
   */
  static LrSchedule wsd(long warmup, long stable, long decay, double minFactor) {
    return new Wsd(warmup, stable, decay, minFactor);
  }
}

package io.parq.samples.digits;

import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * The scores of all seeds, and what follows from them.
 *
 * @param scores one score for each seed, width and method
 */
record Results(List<Score> scores) {
  /** Below this many points of accuracy nothing is lost that could be recovered. */
  static final double LEAST_LOSS = 0.2;

  Results {
    scores = List.copyOf(scores);
  }

  /** Accuracies in percent, one a seed, in the seeds' order. */
  double[] accuracies(@Nullable Width width, Method method) {
    return scores.stream()
        .filter(score -> score.width() == width && score.method() == method)
        .mapToDouble(Score::accuracy)
        .toArray();
  }

  /** The mean accuracy in percent. */
  double mean(@Nullable Width width, Method method) {
    return mean(accuracies(width, method));
  }

  /** The accuracy's standard deviation from seed to seed in percent; 0 with one seed. */
  double deviation(@Nullable Width width, Method method) {
    return deviation(accuracies(width, method));
  }

  /**
   * How much of what rounding cost a method wins back: (QAT - PTQ) / (base - PTQ) of the mean
   * accuracies, in percent. Empty where the cost is not clear of noise: below {@link #LEAST_LOSS}
   * points, or below twice its standard error over the seeds.
   */
  OptionalDouble recovered(Width width, Method method) {
    double[] base = accuracies(null, Method.BASE);
    double[] rounded = accuracies(width, Method.PTQ);
    double[] loss = new double[base.length];
    for (int i = 0; i < loss.length; i++) {
      loss[i] = base[i] - rounded[i];
    }
    double error = deviation(loss) / Math.sqrt(loss.length);
    if (mean(loss) < Math.max(LEAST_LOSS, 2 * error)) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(100 * (mean(width, method) - mean(rounded)) / mean(loss));
  }

  /** {@return the number of seeds} */
  int seeds() {
    return accuracies(null, Method.BASE).length;
  }

  /** {@return how many images each seed's networks are tested on} */
  int tested() {
    return scores.getFirst().total();
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double deviation(double[] values) {
    double mean = mean(values);
    double sum = 0;
    for (double value : values) {
      sum += (value - mean) * (value - mean);
    }
    return values.length < 2 ? 0 : Math.sqrt(sum / (values.length - 1));
  }
}

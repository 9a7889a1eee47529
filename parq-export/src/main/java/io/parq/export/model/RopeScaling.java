package io.parq.export.model;

import java.util.List;

/**
 * How the frequencies of a {@link Rope} are changed, so that a model serves longer sequences than
 * those it began with.
 *
 * <p>Source: transformers' {@code modeling_rope_utils.py}.
 */
public sealed interface RopeScaling {
  /** {@return its {@code rope_type} in a config.json} */
  default String type() {
    return switch (this) {
      case None _ -> "default";
      case Linear _ -> "linear";
      case Llama3 _ -> "llama3";
      case Yarn _ -> "yarn";
      case LongRope _ -> "longrope";
    };
  }

  /** {@return what sines and cosines are multiplied by} */
  default double magnitude() {
    return 1;
  }

  /** Frequencies stay as they are ({@code default}). */
  record None() implements RopeScaling {}

  /**
   * All frequencies are divided by the same.
   *
   * @param factor by what
   */
  record Linear(double factor) implements RopeScaling {}

  /**
   * Llama 3.1: low frequencies are divided, high ones kept, those between blended.
   *
   * @param factor what low frequencies are divided by
   * @param low turns within the original length below which a frequency is low
   * @param high turns above which it is high; more than {@code low}
   * @param originalLength tokens of the sequences that the model began with
   */
  record Llama3(double factor, double low, double high, int originalLength) implements RopeScaling {
    /**
     * {@return what becomes of a frequency}
     *
     * @param frequency radians a position
     */
    public double scaled(double frequency) {
      double turns = originalLength * frequency / (2 * Math.PI);
      double kept = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
      return (1 - kept) * frequency / factor + kept * frequency;
    }
  }

  /**
   * YaRN (arXiv 2309.00071), section 3.2: as Llama 3.1, with a ramp over the pairs' indices.
   *
   * @param factor what low frequencies are divided by
   * @param originalLength tokens of the sequences that the model began with
   * @param betaFast turns within that length from which frequencies are kept
   * @param betaSlow turns below which they are divided
   * @param truncate whether the ramp begins and ends at whole pairs
   * @param magnitude what sines and cosines are multiplied by
   */
  record Yarn(
      double factor,
      int originalLength,
      double betaFast,
      double betaSlow,
      boolean truncate,
      double magnitude)
      implements RopeScaling {

    /**
     * {@return the magnitude where a config.json names none}
     *
     * @param factor what low frequencies are divided by
     */
    public static double usualMagnitude(double factor) {
      return magnitude(factor, 1);
    }

    static double magnitude(double factor, double weight) {
      return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
    }

    double scaled(double frequency, int pair, int pairs, double theta) {
      double low = pair(betaFast, theta, pairs);
      double high = pair(betaSlow, theta, pairs);
      if (truncate) {
        low = Math.floor(low);
        high = Math.ceil(high);
      }
      double first = Math.max(low, 0);
      double last = Math.min(high, 2.0 * pairs - 1);
      double span = first == last ? 0.001 : last - first;
      double slowed = Math.clamp((pair - first) / span, 0.0, 1.0);
      return frequency / factor * slowed + frequency * (1 - slowed);
    }

    /** The pair that turns so many times within the length; a fraction in general. */
    private double pair(double turns, double theta, int pairs) {
      return pairs * Math.log(originalLength / (turns * 2 * Math.PI)) / Math.log(theta);
    }
  }

  /**
   * LongRoPE (arXiv 2402.13753): a divisor for each pair, another set in long sequences.
   *
   * @param within what frequencies are divided by in sequences up to the original length
   * @param beyond what they are divided by in longer ones
   * @param originalLength tokens of the sequences that the model began with
   * @param magnitude what sines and cosines are multiplied by
   */
  record LongRope(List<Double> within, List<Double> beyond, int originalLength, double magnitude)
      implements RopeScaling {
    /** Copies the lists. */
    public LongRope {
      within = List.copyOf(within);
      beyond = List.copyOf(beyond);
    }
  }
}

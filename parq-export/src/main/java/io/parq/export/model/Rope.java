package io.parq.export.model;

import java.util.ArrayList;
import java.util.List;

/**
 * A rotary position embedding: position p turns the pair (i, i + n) of the first 2n elements of a
 * query or key, 2n being the dimension, by the angle {@code p * frequencies[i]}.
 *
 * @param dimension the number of leading elements of a head that are turned; even
 * @param theta the base: the frequency of pair i is {@code theta^(-2i / dimension)} unless scaled
 * @param scaling what is made of these frequencies
 */
public record Rope(int dimension, double theta, RopeScaling scaling) {

  /**
   * Checks the dimension.
   *
   * @throws IllegalArgumentException if it is odd or below 2, or if longrope has another number of
   *     factors than pairs
   */
  public Rope {
    if (dimension < 2 || dimension % 2 != 0) {
      throw new IllegalArgumentException(
          "dimension %d, expected an even number of at least 2".formatted(dimension));
    }
    if (scaling instanceof RopeScaling.LongRope factors
        && (factors.within().size() != dimension / 2 || factors.beyond().size() != dimension / 2)) {
      throw new IllegalArgumentException(
          "%d and %d factors, expected one for each of %d pairs"
              .formatted(factors.within().size(), factors.beyond().size(), dimension / 2));
    }
  }

  /**
   * {@return radians a position, one for each pair}
   *
   * @param length tokens in the sequence, which only longrope looks at
   */
  public List<Float> frequencies(long length) {
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < dimension / 2; i++) {
      double base = 1 / (double) (float) Math.pow(theta, (float) (2 * i) / dimension);
      values.add((float) scaled(base, i, length));
    }
    return values;
  }

  private double scaled(double frequency, int pair, long length) {
    return switch (scaling) {
      case RopeScaling.None _ -> frequency;
      case RopeScaling.Linear linear -> frequency / linear.factor();
      case RopeScaling.Llama3 llama3 -> llama3.scaled(frequency);
      case RopeScaling.Yarn yarn -> yarn.scaled(frequency, pair, dimension / 2, theta);
      case RopeScaling.LongRope factors ->
          frequency
              / (length > factors.originalLength() ? factors.beyond() : factors.within()).get(pair);
    };
  }

  /** {@return what sines and cosines are multiplied by} */
  public double magnitude() {
    return scaling.magnitude();
  }
}

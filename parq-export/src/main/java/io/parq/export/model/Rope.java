package io.parq.export.model;

import java.util.List;

/**
 * A rotary position embedding: position p turns the pair (i, i + n) of the first 2n elements of a
 * query or key, n being the number of frequencies, by the angle {@code p * frequencies[i]}.
 *
 * @param type {@code default}, {@code linear}, {@code llama3}, {@code yarn} or {@code longrope}
 * @param theta the base from which the frequencies were computed
 * @param frequencies radians a position, one for each pair
 * @param longFrequencies what takes their place in sequences longer than {@code originalLength};
 *     the same list but for longrope
 * @param originalLength the length at which longrope switches; otherwise without effect
 * @param magnitude what sines and cosines are multiplied by
 */
public record Rope(
    String type,
    double theta,
    List<Float> frequencies,
    List<Float> longFrequencies,
    int originalLength,
    double magnitude) {

  /** Copies the lists. */
  public Rope {
    frequencies = List.copyOf(frequencies);
    longFrequencies = List.copyOf(longFrequencies);
  }

  /** {@return the number of leading elements of a head that are turned} */
  public int dimension() {
    return 2 * frequencies.size();
  }

  /**
   * {@return the frequencies for a sequence}
   *
   * @param length tokens in the sequence
   */
  public List<Float> frequencies(long length) {
    return length > originalLength ? longFrequencies : frequencies;
  }
}

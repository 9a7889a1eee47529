package io.parq.benchmarks;

/**
 * What was measured of one thing.
 *
 * @param model large or small
 * @param section the part of the table
 * @param name the thing, unique within model and section
 * @param weights that a run works on
 * @param bytes that a run has to move at least
 * @param rounds how many were timed; the shortest counts, save for the median
 * @param nanos of a run
 * @param toBaseline shortest time for a weight, to that of AdamW (of LibTorch's AdamW if it is
 *     wrapped) in the same rounds
 * @param median of the rounds' ratios to the baseline: it asks how both fare at the same time, not
 *     at their best
 * @param toAdamW shortest time for a weight, to that of our AdamW
 * @param toCopy time for a byte, to that of a copy in the same rounds; NaN for a model that caches
 *     hold
 * @param allocated bytes that a run allocates on the Java heap
 */
public record Row(
    String model,
    String section,
    String name,
    long weights,
    long bytes,
    int rounds,
    double nanos,
    double toBaseline,
    double median,
    double toAdamW,
    double toCopy,
    double allocated) {
  /** {@return the bytes a nanosecond, that is GB/s} */
  double speed() {
    return bytes / nanos;
  }
}

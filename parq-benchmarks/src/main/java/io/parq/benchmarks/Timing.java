package io.parq.benchmarks;

import java.lang.management.ManagementFactory;

/** Times one case: the shortest of several samples, and the latest. */
final class Timing {
  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final int WARM_UP_RUNS = 3;
  private static final long WARM_UP_NANOS = 1_000_000_000;

  private final Case subject;
  private int repeats = 1;
  private double best;
  private double latest;
  private double allocated;

  /**
   * Warms the case up.
   *
   * @param subject what is timed
   * @param sampleNanos runs are repeated until a sample takes about as long
   */
  Timing(Case subject, long sampleNanos) {
    this.subject = subject;
    long start = System.nanoTime();
    for (int i = 0;
        i < WARM_UP_RUNS && (i == 0 || System.nanoTime() - start < WARM_UP_NANOS);
        i++) {
      subject.run();
    }
    reset();
    while (sample() < sampleNanos / 2 && repeats < 1 << 16) {
      repeats *= 2;
    }
    reset();
  }

  Case subject() {
    return subject;
  }

  /** Forgets what was measured. */
  void reset() {
    best = Double.POSITIVE_INFINITY;
    allocated = Double.POSITIVE_INFINITY;
  }

  /** Takes a sample, and returns its nanoseconds. */
  long sample() {
    long before = THREADS.getTotalThreadAllocatedBytes();
    long start = System.nanoTime();
    for (int i = 0; i < repeats; i++) {
      subject.run();
    }
    long nanos = System.nanoTime() - start;
    long bytes = THREADS.getTotalThreadAllocatedBytes() - before;
    latest = (double) nanos / repeats;
    best = Math.min(best, latest);
    allocated = Math.min(allocated, (double) bytes / repeats);
    return nanos;
  }

  /** {@return nanoseconds of the shortest run} */
  double nanos() {
    return best;
  }

  /** {@return nanoseconds of the shortest run for a weight} */
  double nanosPerWeight() {
    return best / subject.weights();
  }

  /** {@return the same of the last sample} */
  double latestPerWeight() {
    return latest / subject.weights();
  }

  double nanosPerByte() {
    return best / subject.bytes();
  }

  double allocated() {
    return allocated;
  }
}

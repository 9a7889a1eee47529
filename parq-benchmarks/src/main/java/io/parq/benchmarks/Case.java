package io.parq.benchmarks;

/** Something to be timed, which can tell whether it did its work. */
interface Case extends AutoCloseable {
  /** Does the work once. */
  void run();

  /**
   * Compares the result of all runs so far with one that is computed in another way.
   *
   * @throws IllegalStateException if they differ; the message says where
   */
  void check();

  /** {@return the weights that a run works on} */
  long weights();

  /** {@return the bytes that a run has to read and write at least} */
  long bytes();

  /** Frees its memory. */
  @Override
  void close();
}

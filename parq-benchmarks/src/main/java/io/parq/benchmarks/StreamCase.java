package io.parq.benchmarks;

/** Copy and triad over large arrays: what memory can do. */
final class StreamCase implements Case {
  private static final float FACTOR = 3f;

  private final Parallel parallel;
  private final float[] from;
  private final float[] more;
  private final float[] to;

  /**
   * Allocates the arrays.
   *
   * @param size floats in each
   * @param triad whether to add a multiple of another array
   * @param threads how many
   */
  StreamCase(int size, boolean triad, int threads) {
    parallel = new Parallel(threads);
    from = new float[size];
    more = new float[triad ? size : 0];
    to = new float[size];
    for (int i = 0; i < size; i++) {
      from[i] = i % 1021;
    }
    for (int i = 0; i < more.length; i++) {
      more[i] = i % 509;
    }
  }

  @Override
  public void run() {
    if (more.length > 0) {
      parallel.run(to.length, (first, last) -> triad(from, more, to, (int) first, (int) last));
    } else {
      parallel.run(to.length, (first, last) -> copy(from, to, (int) first, (int) last));
    }
  }

  private static void copy(float[] from, float[] to, int first, int last) {
    for (int i = first; i < last; i++) {
      to[i] = from[i];
    }
  }

  private static void triad(float[] from, float[] more, float[] to, int first, int last) {
    for (int i = first; i < last; i++) {
      to[i] = from[i] + FACTOR * more[i];
    }
  }

  @Override
  public void check() {
    for (int i = 0; i < to.length; i++) {
      float expected = i % 1021 + (more.length > 0 ? FACTOR * (i % 509) : 0);
      if (to[i] != expected) {
        throw new IllegalStateException("index " + i + " is " + to[i] + ", expected " + expected);
      }
    }
  }

  @Override
  public long weights() {
    return to.length;
  }

  @Override
  public long bytes() {
    return (long) Float.BYTES * (from.length + more.length + to.length);
  }

  @Override
  public void close() {
    parallel.close();
  }
}

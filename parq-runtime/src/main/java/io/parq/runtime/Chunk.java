package io.parq.runtime;

/** The next tokens of a sequence, which are read together with those of others. */
final class Chunk {
  private final int[] ids;
  private final int to;
  private final int length;
  private final KeyValueCache cache;
  private final float[] logits;

  /**
   * Says which.
   *
   * @param ids all tokens of the sequence so far, and maybe room for more; not modified
   * @param to end of those to be read; the first one is that which the cache does not have
   * @param length tokens of the sequence, of which {@code to} may be fewer
   * @param cache of the sequence; grows by what is read
   * @param logits receives those of the token after the sequence's last one, if that is read
   */
  Chunk(int[] ids, int to, int length, KeyValueCache cache, float[] logits) {
    this.ids = ids;
    this.to = to;
    this.length = length;
    this.cache = cache;
    this.logits = logits;
  }

  int[] ids() {
    return ids;
  }

  int to() {
    return to;
  }

  int length() {
    return length;
  }

  KeyValueCache cache() {
    return cache;
  }

  float[] logits() {
    return logits;
  }

  int count() {
    return to - cache.length();
  }

  /** Whether the sequence's last token is among them, after which another one can be chosen. */
  boolean isLast() {
    return to == length;
  }
}

package io.parq.runtime;

/**
 * The next tokens of a sequence.
 *
 * @param ids all tokens of the sequence so far, and maybe room for more; not modified
 * @param to end of those to be read; the first one is that which the cache does not have
 * @param length tokens of the sequence, of which {@code to} may be fewer
 * @param cache of the sequence; grows by what is read
 */
record Chunk(int[] ids, int to, int length, KeyValueCache cache) {
  int count() {
    return to - cache.length();
  }

  /** Whether the sequence's last token is among them, after which another one can be chosen. */
  boolean isLast() {
    return to == length;
  }
}

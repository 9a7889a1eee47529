package io.parq.runtime;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Vectors of codes of 8 bits, for {@link Dots}. A code stands for {@code (code - zero) * factor}.
 *
 * @param tokens their number
 * @param columns of each, with padding
 * @param chunk columns that are multiplied at a time
 * @param values {@code [chunk]} of what {@link Dots} takes: codes less the lowest one, so that they
 *     have no sign, and what has to be added so that fields count from the centre
 * @param zeros the code that counts nothing, for each token
 * @param factors what codes are multiples of, for each token
 */
@SuppressWarnings("ArrayRecordComponent") // a plain carrier of arrays
record Bytes(
    int tokens, int columns, int chunk, MemorySegment values, float[] zeros, float[] factors) {
  private static final int LOWEST = Byte.MIN_VALUE;

  /** Where a chunk is that begins with a column. */
  long address(int column) {
    return values.address() + at(column);
  }

  private long at(int column) {
    return column / chunk * Dots.size(tokens, chunk);
  }

  /** Stores a chunk of a token, and what has to be added to its sums of products. */
  void put(int token, int column, int[] codes, float offset) {
    int first = token / Dots.TOKENS * Dots.TOKENS;
    long step = (long) Math.min(tokens - first, Dots.TOKENS) * Integer.BYTES;
    long to = at(column) + Dots.size(first, chunk) + (token - first) * (long) Integer.BYTES;
    values.set(ValueLayout.JAVA_INT, to, LOWEST - (int) zeros[token]);
    to += step;
    for (int i = 0; i < chunk; i += Dots.COLUMNS) {
      int word = 0;
      for (int m = 0; m < Dots.COLUMNS; m++) {
        word |= (codes[i + m] - LOWEST) << (m * Byte.SIZE);
      }
      values.set(ValueLayout.JAVA_INT, to, word);
      to += step;
    }
    values.set(ValueLayout.JAVA_FLOAT, to, offset);
  }
}

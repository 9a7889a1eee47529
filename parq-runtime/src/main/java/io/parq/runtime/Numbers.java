package io.parq.runtime;

/**
 * Vectors of codes of 8 bits, for products of several tokens with unpacked fields. A code stands
 * for {@code (code - zero) * factor}.
 *
 * @param tokens their number
 * @param chunk columns that are multiplied at a time
 * @param values {@code [chunk][token][column]}, each code in both halves of a word
 * @param zeros the code that counts nothing, for each token
 * @param factors what codes are multiples of, for each token
 * @param offsets {@code [chunk][token]}: what has to be added so that fields count from the centre
 */
@SuppressWarnings("ArrayRecordComponent") // a plain carrier of arrays
record Numbers(
    int tokens, int chunk, int[] values, float[] zeros, float[] factors, float[] offsets) {

  /** Stores a chunk of a token, and what has to be added. */
  void put(int token, int column, int[] codes, float offset) {
    int to = at(token, column);
    for (int i = 0; i < chunk; i++) {
      values[to + i] = (codes[i] << Short.SIZE) | (codes[i] & 0xFFFF);
    }
    offsets[offsetsAt(column) + token] = offset;
  }

  /** Where a token's codes are, from a column on that is the first of its chunk. */
  int at(int token, int column) {
    return column * tokens + token * chunk;
  }

  /** Where the offsets are for the sums over the chunk with a column, token by token. */
  int offsetsAt(int column) {
    return column / chunk * tokens;
  }
}

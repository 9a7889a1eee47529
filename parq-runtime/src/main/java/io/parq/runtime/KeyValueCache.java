package io.parq.runtime;

import java.util.Arrays;

/**
 * Keys and values of all tokens of a sequence so far, a layer after the other; grows as needed.
 * Keys are {@code [token / BLOCK][head][element][token % BLOCK]}, values {@code [token /
 * BLOCK][head][token % BLOCK][element]}: what a head reads together lies together.
 */
final class KeyValueCache {
  /** Keys that queries are multiplied with at a time. */
  static final int BLOCK = 32;

  private static final int FIRST = 64;

  private final float[][] keys;
  private final float[][] values;
  private final int dim;

  /** Elements of a token's keys in a layer. */
  private final int width;

  /** Tokens that every layer has. */
  private int length;

  private int placedFor;

  /**
   * An empty cache.
   *
   * @param heads of keys in a layer
   * @param dim elements of a head
   */
  KeyValueCache(int layers, int heads, int dim) {
    this.dim = dim;
    width = heads * dim;
    keys = new float[layers][0];
    values = new float[layers][0];
  }

  int length() {
    return length;
  }

  /** Says how many tokens have been stored in all layers. */
  void length(int tokens) {
    length = tokens;
  }

  /** The length of the sequence that its tokens were placed for. */
  int placedFor() {
    return placedFor;
  }

  void placedFor(int tokens) {
    placedFor = tokens;
  }

  /** Makes room for a number of tokens in all. */
  void reserve(int tokens) {
    int room = keys[0].length / width;
    if (tokens > room) {
      int more =
          Math.max(
              Math.ceilDiv(Math.max(tokens, FIRST), BLOCK) * BLOCK,
              Math.min(2 * room, Integer.MAX_VALUE / (width * BLOCK) * BLOCK));
      for (int layer = 0; layer < keys.length; layer++) {
        keys[layer] = Arrays.copyOf(keys[layer], Math.multiplyExact(more, width));
        values[layer] = Arrays.copyOf(values[layer], Math.multiplyExact(more, width));
      }
    }
  }

  /** Stores a token's keys and values in a layer, both of {@code width} elements. */
  void put(int layer, int token, float[] x, int key, int value) {
    int inBlock = token % BLOCK;
    for (int head = 0; head < width / dim; head++) {
      int block = at(token / BLOCK, head);
      int from = head * dim;
      for (int d = 0; d < dim; d++) {
        keys[layer][block + d * BLOCK + inBlock] = x[key + from + d];
      }
      System.arraycopy(x, value + from, values[layer], block + inBlock * dim, dim);
    }
  }

  /** Where a head's keys and values of a block of tokens start. */
  int at(int block, int head) {
    return (block * width + head * dim) * BLOCK;
  }

  float[] keys(int layer) {
    return keys[layer];
  }

  float[] values(int layer) {
    return values[layer];
  }
}

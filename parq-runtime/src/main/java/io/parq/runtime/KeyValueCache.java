package io.parq.runtime;

import java.util.Arrays;

/**
 * Keys and values of all tokens of a sequence so far, a layer after the other; grows as needed.
 * Values are {@code [token][element]}, keys {@code [token / BLOCK][element][token % BLOCK]}.
 */
final class KeyValueCache {
  /** Keys that queries are multiplied with at a time. */
  static final int BLOCK = 32;

  private static final int FIRST = 64;

  private final float[][] keys;
  private final float[][] values;
  private final int width;

  /** Tokens that every layer has. */
  private int length;

  private int placedFor;

  /**
   * An empty cache.
   *
   * @param width elements of a token's keys in a layer
   */
  KeyValueCache(int layers, int width) {
    this.width = width;
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
    int to = keysAt(token / BLOCK) + token % BLOCK;
    for (int i = 0; i < width; i++) {
      keys[layer][to + i * BLOCK] = x[key + i];
    }
    System.arraycopy(x, value, values[layer], token * width, width);
  }

  /** Where the keys of a block start. */
  int keysAt(int block) {
    return block * BLOCK * width;
  }

  float[] keys(int layer) {
    return keys[layer];
  }

  float[] values(int layer) {
    return values[layer];
  }
}

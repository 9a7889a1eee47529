package io.parq.export.gguf;

/**
 * A block on a uniform grid taken apart: {@code value = scale * code + offset}, with scale and
 * offset for each of one or more groups of equal length.
 */
final class Block {
  private final byte[] codes;
  private final float[] scales;
  private final float[] offsets;

  Block(int elements, int groups) {
    codes = new byte[elements];
    scales = new float[groups];
    offsets = new float[groups];
  }

  void code(int element, int code) {
    codes[element] = (byte) code;
  }

  void group(int group, float scale, float offset) {
    scales[group] = scale;
    offsets[group] = offset;
  }

  byte[] codes() {
    return codes;
  }

  float[] scales() {
    return scales;
  }

  float[] offsets() {
    return offsets;
  }

  /** Writes the values. */
  void values(float[] out, int to) {
    int length = codes.length / scales.length;
    for (int i = 0; i < codes.length; i++) {
      out[to + i] = scales[i / length] * codes[i] + offsets[i / length];
    }
  }
}

package io.parq.export.gguf;

import io.parq.grids.AffineBlocks;

/**
 * Blocks on a uniform grid taken apart: {@code value = scale * code + offset}, with scale and
 * offset for each of one or more groups of equal length in a block. One block is written at a time.
 */
final class Block {
  private final int elements;
  private final int groups;
  private final byte[] codes;
  private final float[] scales;
  private final float[] offsets;
  private final AffineBlocks values;
  private int firstCode;
  private int firstGroup;

  Block(int elements, int groups, int blocks) {
    this.elements = elements;
    this.groups = groups;
    codes = new byte[elements * blocks];
    scales = new float[groups * blocks];
    offsets = new float[groups * blocks];
    values = new AffineBlocks(elements / groups, scales, null, 0f, offsets);
  }

  /** Turns to a block; what it held stays until it is written. */
  Block at(int block) {
    firstCode = block * elements;
    firstGroup = block * groups;
    return this;
  }

  void code(int element, int code) {
    codes[firstCode + element] = (byte) code;
  }

  /** Puts eight codes, the first in the lowest byte. */
  void codes(int element, long eight) {
    Bytes.putLong(codes, firstCode + element, eight);
  }

  /** Copies signed codes. */
  void codes(byte[] from, int at) {
    System.arraycopy(from, at, codes, firstCode, elements);
  }

  void group(int group, float scale, float offset) {
    scales[firstGroup + group] = scale;
    offsets[firstGroup + group] = offset;
  }

  /** The codes of all blocks. */
  byte[] codes() {
    return codes;
  }

  /** The scales of all blocks, group by group. */
  float[] scales() {
    return scales;
  }

  /** The offsets of all blocks, group by group. */
  float[] offsets() {
    return offsets;
  }

  /** Writes the values of the first blocks. */
  void values(int blocks, float[] out, int to) {
    values.values(0, codes, 0, blocks * elements, out, to);
  }
}

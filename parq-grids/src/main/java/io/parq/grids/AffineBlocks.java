package io.parq.grids;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of equal length whose values are {@code (code - zeroPoint + shift) * scale + offset},
 * computed in this order in single precision. That is how uniform grids are stored anywhere.
 */
public final class AffineBlocks {
  private final int size;
  private final float[] scales;
  private final float @Nullable [] zeroPoints;
  private final float shift;
  private final float @Nullable [] offsets;

  /**
   * Views scales.
   *
   * @param size codes of a block, at least 1
   * @param scales one a block; kept, not copied
   * @param zeroPoints one a block, or null for zeros; kept, not copied
   * @param shift added to all codes
   * @param offsets one a block, or null for zeros; kept, not copied
   * @throws IllegalArgumentException if the size is below 1 or numbers differ
   */
  public AffineBlocks(
      int size,
      float[] scales,
      float @Nullable [] zeroPoints,
      float shift,
      float @Nullable [] offsets) {
    if (size < 1
        || (zeroPoints != null && zeroPoints.length != scales.length)
        || (offsets != null && offsets.length != scales.length)) {
      throw new IllegalArgumentException(
          "blocks of %d, %d scales, %s zero points, %s offsets; expected as many, or none"
              .formatted(
                  size,
                  scales.length,
                  zeroPoints == null ? "no" : zeroPoints.length,
                  offsets == null ? "no" : offsets.length));
    }
    this.size = size;
    this.scales = scales;
    this.zeroPoints = zeroPoints;
    this.shift = shift;
    this.offsets = offsets;
  }

  int size() {
    return size;
  }

  float[] scales() {
    return scales;
  }

  float @Nullable [] zeroPoints() {
    return zeroPoints;
  }

  float shift() {
    return shift;
  }

  float @Nullable [] offsets() {
    return offsets;
  }

  /**
   * Looks up the values of codes: a part of one block, or whole blocks of which only the last may
   * be cut short.
   *
   * @param block the block that the first belongs to
   * @param codes signed bytes; not modified
   * @param codesFrom index of the first
   * @param length number of codes
   * @param out receives the values; modified
   * @param from index of the first
   * @throws IndexOutOfBoundsException if a range does not fit its array, or there are no such
   *     blocks
   */
  public void values(int block, byte[] codes, int codesFrom, int length, float[] out, int from) {
    Objects.checkFromIndexSize(codesFrom, length, codes.length);
    Objects.checkFromIndexSize(from, length, out.length);
    Objects.checkFromIndexSize(block, Math.ceilDiv(length, size), scales.length);
    Lattice.KERNELS.values(this, block, codes, codesFrom, length, out, from);
  }
}

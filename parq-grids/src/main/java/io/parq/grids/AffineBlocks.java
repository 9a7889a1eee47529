package io.parq.grids;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of equal length whose values are {@code (code - zeroPoint + shift) * scale + offset},
 * computed in this order in single precision. That is how uniform grids are stored anywhere.
 *
 * @param size codes of a block, at least 1
 * @param scales one a block; kept
 * @param zeroPoints one a block, or null for zeros; kept
 * @param shift added to all codes
 * @param offsets one a block, or null for zeros; kept
 */
public record AffineBlocks(
    int size,
    float[] scales,
    float @Nullable [] zeroPoints,
    float shift,
    float @Nullable [] offsets) {
  /**
   * Checks that there is one of each for every block.
   *
   * @throws IllegalArgumentException if the size is below 1 or numbers differ
   */
  public AffineBlocks {
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
  }

  /** Blocks without zero points, shift and offsets. */
  public AffineBlocks(int size, float[] scales) {
    this(size, scales, null, 0f, null);
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

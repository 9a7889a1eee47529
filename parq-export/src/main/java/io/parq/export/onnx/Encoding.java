package io.parq.export.onnx;

import io.parq.grids.BlockLayout;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.UniformGrid;
import java.util.Arrays;

/**
 * How a weight is stored. Its parts are
 *
 * <pre>
 *                 MatMulNBits, GatherBlockQuantized     DequantizeLinear
 * codes           U8 [rows, columns * bits / 8],        INT8 [rows, columns], signed
 *                 code + 2^(bits - 1), the first in
 *                 a byte's lowest bits
 * scales          F32 [rows, blocks of a row]           the same
 * zero points     U8 [rows, ceil(blocks * bits / 8)],   INT8 [rows, blocks of a row]
 *                 packed as codes are
 * </pre>
 *
 * where a scale that several blocks share is repeated, and zero points are there only if the grid
 * has them.
 *
 * @param packed whether the operators for packed codes hold it; otherwise DequantizeLinear does,
 *     which takes any shape but leaves a code its whole byte
 * @param bits of a stored code
 * @param blockSize columns that share a stored scale; divides {@code columns}
 * @param odd whether a stored code is twice the trained one plus 1, and a scale half the trained
 * @param zeroPoints whether each block has a zero point
 * @param rows rows of the weight
 * @param columns columns of the weight
 */
record Encoding(
    boolean packed,
    int bits,
    int blockSize,
    boolean odd,
    boolean zeroPoints,
    long rows,
    long columns) {
  private static final int LEAST_BLOCK = 16;
  private static final int LARGEST_BLOCK = 256;

  /** Of blocks that only repeat a row's scale: the size that all fast kernels take. */
  private static final int ROW_BLOCK = 128;

  /** Chooses, or fails with the reason why the format cannot hold the weight. */
  static Encoding of(QuantConfig config, long[] shape, int accuracyLevel) {
    if (shape.length != 2) {
      throw new IllegalArgumentException(
          "shape %s, expected rows and columns".formatted(Arrays.toString(shape)));
    }
    BlockLayout layout = BlockLayout.of(shape, config.granularity());
    UniformGrid grid = uniform(config.grid());
    boolean odd = grid.zeroPoint() != 0;
    int bits = bits(grid, odd, accuracyLevel);
    // What shares a scale within a row: the group, or all of the row.
    int group = (int) Math.min(layout.blockLength(), layout.columns());
    int most = group == layout.columns() ? ROW_BLOCK : LARGEST_BLOCK;
    int block = Math.min(Integer.lowestOneBit(group), most);
    boolean packed = block >= LEAST_BLOCK;
    return new Encoding(
        packed,
        packed ? bits : 8,
        packed ? block : group,
        odd,
        grid.hasZeroPoint(),
        layout.rows(),
        layout.columns());
  }

  private static UniformGrid uniform(Grid grid) {
    if (!(grid instanceof UniformGrid uniform)) {
      throw new IllegalArgumentException(
          "grid %s, expected evenly spaced levels: no ONNX operator looks levels up"
              .formatted(grid));
    }
    if (grid.hasOffset()) {
      throw new IllegalArgumentException(
          "grid %s, expected one without an offset: ONNX has integer zero points only"
              .formatted(grid));
    }
    if (grid.spec().startsWith("asymmetric-uniform:")) {
      throw new IllegalArgumentException(
          "grid %s, expected zero points among the codes, such as asymmetric:%d has"
              .formatted(grid, Math.max(2, grid.bits())));
    }
    return uniform;
  }

  private static int bits(Grid grid, boolean odd, int accuracyLevel) {
    int least = odd ? 2 * grid.minCode() + 1 : grid.minCode();
    int most = odd ? 2 * grid.maxCode() + 1 : grid.maxCode();
    for (int bits = accuracyLevel == 0 ? 4 : 2; bits <= 8; bits *= 2) {
      if (least >= -(1 << (bits - 1)) && most < 1 << (bits - 1)) {
        return bits;
      }
    }
    throw new IllegalArgumentException(
        "grid %s, expected at most 8 bits a code: as odd integers its levels run from %d to %d"
            .formatted(grid, least, most));
  }

  /** Stored scales of a row. */
  long rowBlocks() {
    return columns / blockSize;
  }

  /** Bytes of a row's codes. */
  long rowBytes() {
    return columns * bits / 8;
  }

  /** Bytes of a row's zero points. */
  long rowZeroPointBytes() {
    return (rowBlocks() * bits + 7) / 8;
  }

  /** What is added to a code to make it unsigned. */
  int bias() {
    return packed ? 1 << (bits - 1) : 0;
  }

  double bitsPerWeight() {
    long zeroPointBytes = zeroPoints ? rowZeroPointBytes() : 0;
    return 8.0 * (rowBytes() + rowBlocks() * Float.BYTES + zeroPointBytes) / columns;
  }

  @Override
  public String toString() {
    return packed
        ? "MatMulNBits bits=%d block_size=%d".formatted(bits, blockSize)
        : "DequantizeLinear INT8 block_size=%d".formatted(blockSize);
  }
}

package io.parq.export.gguf;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.UniformGrid;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.LongStream;

/**
 * Reads a tensor as codes on a lattice, so that it stays packed. Where all groups of each row have
 * the same scale and offset, the lattice has one a row, as it had before such a file was written.
 */
final class CodeReader {
  private static final long MAX_HEAP_BYTES = 1L << 30;

  private final Header.Entry entry;
  private final Encoding.Coding coding;
  private final MemorySegment data;
  private final RowOrder order;
  private final float tensorScale;
  private final int blocks;
  private final int groups;
  private final float[] scales;
  private final float[] offsets;
  private final MemorySegment codes;

  /**
   * Prepares to read.
   *
   * @param data the tensor's bytes
   * @param tensorScale what all scales are multiplied by
   */
  CodeReader(
      Header.Entry entry,
      Encoding.Coding coding,
      MemorySegment data,
      RowOrder order,
      float tensorScale) {
    this.entry = entry;
    this.coding = coding;
    this.data = data;
    this.order = order;
    this.tensorScale = tensorScale;
    blocks = Math.toIntExact(entry.columns() / entry.encoding().elements());
    groups = Math.multiplyExact(blocks, coding.groups());
    scales = new float[Math.toIntExact(Math.multiplyExact(entry.rows(), groups))];
    offsets = new float[coding.hasOffset() ? scales.length : 0];
    long size = Math.multiplyExact(entry.rows(), entry.columns());
    codes =
        size <= MAX_HEAP_BYTES
            ? MemorySegment.ofArray(new byte[(int) size])
            : Arena.ofAuto().allocate(size);
  }

  /**
   * Reads it.
   *
   * @throws IllegalArgumentException if a scale or an offset is not finite
   */
  QuantizedTensor read() {
    LongStream.range(0, entry.rows()).parallel().forEach(this::readRow);
    int perRow = isPerRow() ? 1 : groups;
    Granularity granularity =
        perRow == 1 ? Granularity.perRow() : Granularity.perGroup((int) entry.columns() / groups);
    long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
    Lattice lattice = Lattice.unfitted(new QuantConfig(grid(), granularity, scaleType()), shape);
    float[] latticeOffsets = lattice.offsets();
    for (int i = 0; i < lattice.scales().length; i++) {
      int from = i / perRow * groups + i % perRow;
      lattice.scales()[i] = scales[from];
      if (latticeOffsets != null) {
        latticeOffsets[i] = (float) offset(from, lattice.grid());
      }
    }
    return new QuantizedTensor(lattice, codes);
  }

  /** The first grid that needs no offsets, or else the last. */
  private Grid grid() {
    for (Grid grid : coding.grids()) {
      boolean zero = true;
      for (int i = 0; i < offsets.length && zero; i++) {
        zero = offset(i, grid) == 0;
      }
      if (zero) {
        return grid;
      }
    }
    return coding.grids().getLast();
  }

  /** What is added to values of the grid, whose codes and zero point are others. */
  private double offset(int group, Grid grid) {
    double zeroPoint = grid instanceof UniformGrid uniform ? uniform.zeroPoint() : 0;
    return offsets[group] + (coding.centre() + zeroPoint) * scales[group];
  }

  /** What the scales are exactly: products of K types have more digits than half precision. */
  private ScaleType scaleType() {
    if (!coding.isUniform()) {
      return coding.groups() == 1 ? ScaleType.E8M0 : ScaleType.FP32;
    }
    return coding.groups() == 1 ? ScaleType.FP16 : ScaleType.FP32;
  }

  private void readRow(long row) {
    Encoding encoding = entry.encoding();
    byte[] in = new byte[Math.multiplyExact(blocks, encoding.bytes())];
    MemorySegment.copy(
        data, order.fileRow(row) * in.length, MemorySegment.ofArray(in), 0, in.length);
    Block block = new Block(encoding.elements(), coding.groups(), blocks);
    for (int b = 0; b < blocks; b++) {
      coding.splitter().split(in, b * encoding.bytes(), block.at(b));
    }
    for (int g = 0; g < groups; g++) {
      put((int) (row * groups) + g, block.scales()[g], block.offsets()[g]);
    }
    byte[] own = block.codes();
    for (int i = 0; i < own.length; i++) {
      own[i] -= (byte) coding.centre();
    }
    MemorySegment.copy(own, 0, codes, ValueLayout.JAVA_BYTE, row * entry.columns(), own.length);
  }

  private void put(int group, float scale, float offset) {
    float whole = scale * tensorScale;
    if (!Float.isFinite(whole) || !Float.isFinite(offset)) {
      throw new IllegalArgumentException(
          "row %d, group %d: scale %s, offset %s, expected finite"
              .formatted(group / groups, group % groups, whole, offset));
    }
    scales[group] = whole;
    if (offsets.length > 0) {
      offsets[group] = offset;
    }
  }

  private boolean isPerRow() {
    for (int i = 0; i < scales.length; i++) {
      int first = i / groups * groups;
      if (scales[i] != scales[first] || (offsets.length > 0 && offsets[i] != offsets[first])) {
        return false;
      }
    }
    return true;
  }
}

package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Levels that need not be evenly spaced: a fixed table times a scale ({@link TableGrid}), or sums
 * of a fitted basis ({@link LsbqGrid}). The code of a value is the index of its level in ascending
 * order, from 0; between two levels the midpoint decides.
 */
public abstract sealed class CodebookGrid extends Grid permits TableGrid, LsbqGrid {
  CodebookGrid(String spec, int bits, int levels, boolean centred) {
    super(spec, bits, 0, levels - 1, centred);
  }

  /**
   * Writes the ascending levels of a block, without its offset, to {@code out[0 .. levelCount)}.
   */
  abstract void rawLevels(Lattice l, int block, float[] out);

  /** Whether a value halfway between level {@code code} and the next goes down. */
  boolean tieGoesDown(int code) {
    return (code & 1) == 0;
  }

  @Override
  public boolean hasZeroPoint() {
    return false;
  }

  @Override
  public boolean hasOffset() {
    return isCentred();
  }

  @Override
  final void levels(Lattice l, int block, float[] out) {
    rawLevels(l, block, out);
    if (isCentred()) {
      float offset = l.offset(block);
      for (int i = 0; i < levelCount(); i++) {
        out[i] += offset;
      }
    }
  }

  /** Fills a thread's levels, and the thresholds between them. */
  private void prepare(Lattice l, int block, Scratch scratch) {
    float[] levels = scratch.levels;
    float[] thresholds = scratch.thresholds;
    levels(l, block, levels);
    float last = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < levelCount() - 1; i++) {
      float midpoint = (levels[i] + levels[i + 1]) / 2;
      // Equal levels must not make thresholds fall.
      last = Math.max(last, tieGoesDown(i) ? Math.nextUp(midpoint) : midpoint);
      thresholds[i] = last;
    }
  }

  @Override
  void nearest(Lattice l, int block, float[] x, int from, int length, MemorySegment q, long at) {
    Scratch scratch = Scratch.own();
    float[] nearest = scratch.values(length);
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      prepare(l, b, scratch);
      int n = Math.min(size, length - done);
      Lattice.KERNELS.search(
          scratch.levels, scratch.thresholds, levelCount(), x, from + done, n, nearest, done);
    }
    MemorySegment.copy(nearest, 0, q, ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at, length);
  }

  @Override
  void codes(Lattice l, int block, float[] x, int from, int length, byte[] codes, int codesFrom) {
    Scratch scratch = Scratch.own();
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      prepare(l, b, scratch);
      int n = Math.min(size, length - done);
      Lattice.KERNELS.searchCodes(
          scratch.thresholds, levelCount(), x, from + done, n, codes, codesFrom + done);
    }
  }

  @Override
  void values(
      Lattice l, int block, byte[] codes, int codesFrom, int length, float[] out, int from) {
    float[] levels = Scratch.own().levels;
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      levels(l, b, levels);
      int n = Math.min(size, length - done);
      for (int i = done; i < done + n; i++) {
        out[from + i] = levels[codes[codesFrom + i]];
      }
    }
  }

  @Override
  void interval(
      Lattice l, int block, float[] x, int from, int length, float[] lower, float[] upper, int at) {
    searchInterval(l, block, x, from, length, lower, upper, at);
  }
}

package io.parq.grids;

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
  abstract void levels(Lattice l, int block, float[] out);

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

  private float[] shiftedLevels(Lattice l, int block) {
    float[] levels = new float[levelCount()];
    levels(l, block, levels);
    float offset = l.offset(block);
    for (int i = 0; i < levels.length; i++) {
      levels[i] += offset;
    }
    return levels;
  }

  private int code(float[] levels, float v) {
    int low = 0;
    int high = levels.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      float midpoint = (levels[middle] + levels[middle + 1]) / 2;
      if (v < midpoint || (v == midpoint && tieGoesDown(middle))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  @Override
  void nearest(Lattice l, int block, float[] x, int from, int length, float[] q) {
    float[] levels = shiftedLevels(l, block);
    for (int i = from; i < from + length; i++) {
      q[i] = Float.isNaN(x[i]) ? Float.NaN : levels[code(levels, x[i])];
    }
  }

  @Override
  void codes(Lattice l, int block, float[] x, int from, int length, byte[] codes, int codesFrom) {
    float[] levels = shiftedLevels(l, block);
    for (int i = 0; i < length; i++) {
      codes[codesFrom + i] = (byte) code(levels, x[from + i]);
    }
  }

  @Override
  void values(
      Lattice l, int block, byte[] codes, int codesFrom, int length, float[] out, int from) {
    float[] levels = shiftedLevels(l, block);
    for (int i = 0; i < length; i++) {
      out[from + i] = levels[codes[codesFrom + i]];
    }
  }

  @Override
  void interval(
      Lattice l, int block, float[] x, int from, int length, float[] lower, float[] upper) {
    searchInterval(shiftedLevels(l, block), x, from, length, lower, upper);
  }
}

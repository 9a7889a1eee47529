package io.parq.runtime;

/**
 * How a matrix is cut: rows into tiles, columns into groups. Groups are padded to whole numbers of
 * {@link #UNIT} columns, rows to whole tiles; what is added is zero.
 *
 * @param rows number of rows
 * @param columns elements of a row
 * @param group columns of a group, a divisor of {@code columns}
 * @param lanes rows of a row block
 */
record Geometry(long rows, int columns, int group, int lanes) {
  /** Columns that fill whole words, whatever the bits. */
  static final int UNIT = 32;

  /** Groups of a row. */
  int groups() {
    return columns / group;
  }

  /** Columns of a group with padding. */
  int groupPadded() {
    return Math.ceilDiv(group, UNIT) * UNIT;
  }

  /** Columns of a row with padding. */
  int columnsPadded() {
    return Math.multiplyExact(groups(), groupPadded());
  }

  /** Where a column is in a padded row. */
  int padded(int column) {
    return column / group * groupPadded() + column % group;
  }

  /** Rows of a tile. */
  int tileRows() {
    return lanes * MatrixKernels.BLOCKS;
  }

  /** Number of tiles. */
  int tiles() {
    return Math.toIntExact(Math.ceilDiv(rows, tileRows()));
  }

  /** Values that every group of every row has, {@code [tile][group][row]}. */
  float[] perGroup() {
    return new float[Math.multiplyExact(Math.multiplyExact(tiles(), groups()), tileRows())];
  }

  /** Where such a value is. */
  int perGroupAt(long row, int group) {
    int tile = (int) (row / tileRows());
    return (tile * groups() + group) * tileRows() + (int) (row % tileRows());
  }

  /** Rows with padding, each as long as a row with padding. */
  float[] pad(float[] x, int tokens) {
    if (columns == columnsPadded()) {
      return x;
    }
    float[] wide = new float[Math.multiplyExact(tokens, columnsPadded())];
    for (int token = 0; token < tokens; token++) {
      for (int g = 0; g < groups(); g++) {
        int to = token * columnsPadded() + g * groupPadded();
        System.arraycopy(x, token * columns + g * group, wide, to, group);
      }
    }
    return wide;
  }
}

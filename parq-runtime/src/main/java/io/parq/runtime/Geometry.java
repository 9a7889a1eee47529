package io.parq.runtime;

import java.util.Arrays;

/**
 * How a matrix is cut: rows into tiles, columns into groups. Groups are padded to whole numbers of
 * {@link #UNIT} columns, rows to whole tiles; what is added counts nothing. It is the same for all
 * kernels, whatever the vectors' length.
 *
 * @param rows number of rows
 * @param columns elements of a row
 * @param group columns of a group, a divisor of {@code columns}
 */
record Geometry(long rows, int columns, int group) {
  /** Columns that fill whole words of 32 bits, whatever the bits. */
  static final int UNIT = 32;

  /** Rows of a row block, and of the longest vector. */
  static final int BLOCK = 16;

  /** Row blocks of a tile. */
  static final int BLOCKS = 8;

  /** Rows of a tile. */
  static final int TILE = BLOCKS * BLOCK;

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

  /** Number of tiles. */
  int tiles() {
    return Math.toIntExact(Math.ceilDiv(rows, TILE));
  }

  /** Number of values of which every group of every row has one. */
  long perGroup() {
    return Math.multiplyExact(Math.multiplyExact((long) tiles(), groups()), TILE);
  }

  /** Where such a value is in {@code [tile][group][row]}. */
  long perGroupAt(long row, int group) {
    return (row / TILE * groups() + group) * TILE + row % TILE;
  }

  /** A token's vector with padding, in the caller's scratch; maybe the array itself. */
  float[] pad(float[] x, int token) {
    if (columns == columnsPadded() && x.length == columns) {
      return x;
    }
    float[] wide = Scratch.ofCaller().floats(columnsPadded());
    for (int g = 0; g < groups(); g++) {
      int to = g * groupPadded();
      System.arraycopy(x, token * columns + g * group, wide, to, group);
      Arrays.fill(wide, to + group, to + groupPadded(), 0f);
    }
    return wide;
  }
}

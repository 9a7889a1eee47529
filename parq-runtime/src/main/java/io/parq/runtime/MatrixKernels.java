package io.parq.runtime;

import java.lang.foreign.MemorySegment;

/**
 * The loops of matrix products. They work on a tile: {@link #BLOCKS} row blocks of {@link #lanes}
 * rows each, of which every lane is a row, so that nothing is summed across lanes. Implementations
 * sum in different orders.
 *
 * <p>{@code y} has a value for each row of the tile; {@code scales} one for each group and row,
 * {@code [tile][group][row]}. {@code words} are those of a group.
 */
interface MatrixKernels {
  /** Row blocks of a tile. They are read side by side, for one stream alone is slower. */
  int BLOCKS = 4;

  /** Possible values of four bits. */
  int TABLE = 16;

  /** Rows of a row block. */
  int lanes();

  /** Whether sums of several columns are looked up, four bits at a time, where fields are short. */
  boolean hasTables();

  /** Adds {@code factor * scale * sum(field * x)}. */
  void fields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      float[] x,
      float[] y);

  /** Adds the same, from {@link #TABLE} sums for each four bits. */
  void tables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      float[] tables,
      float[] y);

  /**
   * Adds the same with whole numbers for x, exactly up to the scale: {@code pairs} holds for each
   * field of a word's upper half x at that column in the upper 16 bits, and x at the column of the
   * same field in the lower half in the lower ones.
   */
  void shortFields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      int[] pairs,
      float[] y);

  /**
   * Adds the same from tables: for each four bits of a word's upper half, {@link #TABLE} sums for
   * the lower half and as many for the upper one.
   */
  void shortTables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      short[] tables,
      float[] y);

  /**
   * Decodes columns of a tile: {@code out[column][row] = field * scale * factor}, added to what is
   * there if {@code add}.
   *
   * @param word the first word within the row
   * @param words number of words
   * @param scaleAt where the scales of the tile's rows begin
   */
  void decode(
      Plane plane,
      int tile,
      int word,
      int words,
      float[] scales,
      int scaleAt,
      float factor,
      boolean add,
      float[] out);

  /**
   * Adds products with single-precision weights, {@code [column][row]}: {@code y[yAt + token *
   * tileRows + row]} grows by the sum of {@code w[column][row] * x[xAt + token * xStride +
   * column]}.
   */
  void dense(
      MemorySegment weights,
      long offset,
      int columns,
      float[] x,
      int xAt,
      int xStride,
      int tokens,
      float[] y);

  /** The sum of products. */
  float dot(float[] a, int aAt, float[] b, int bAt, int length);

  /** {@code y += factor * x}. */
  void addScaled(float factor, float[] x, int xAt, float[] y, int yAt, int length);

  /** Rows of a tile. */
  default int tileRows() {
    return BLOCKS * lanes();
  }

  /**
   * Words after which sums of 16 bits are widened: a product of a 4-bit field and a 9-bit x is at
   * most 2040, a table's entry 1020, of which 16 and 32 fit.
   */
  static int wordsInShorts(int bits) {
    return bits == 4 ? 4 : 8;
  }
}

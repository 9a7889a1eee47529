package io.parq.runtime;

import io.parq.grids.DType;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;

/**
 * The loops of matrix products. They work on a tile of {@link Geometry#TILE} rows; in vectors every
 * lane is a row, so that nothing is summed across lanes. Implementations sum in different orders.
 *
 * <p>{@code y[yAt]} is the first row of the tile; results are added to what is there. Unpacked
 * weights are {@code [column][row]}.
 */
interface MatrixKernels {
  /** Queries that keys and values are read for at a time. */
  int QUERIES = 4;

  /** Whether {@link #prepare} and {@link #multiply} know such fields; others are unpacked. */
  boolean knows(int bits, boolean levels);

  /**
   * Makes a vector ready for {@link #multiply}, in the caller's scratch; it may be kept.
   *
   * @param levels what fields of 4 bits stand for; empty if {@code field - centre}
   * @param unit what x are multiples of, up to 255 times, or 0
   * @param zero what makes bytes with signs of these multiples if it is added, or NaN
   */
  Operand prepare(Kind kind, float[] levels, float[] x, float unit, float zero);

  /** Adds the sum over groups of a scale times the sum of what fields stand for times x. */
  void multiply(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt);

  /** The same of fields that are single, bfloat16 or half precision; x has columns with padding. */
  void multiply(Plane plane, DType type, int tile, float[] x, float[] y, int yAt);

  /** Unpacks columns of a tile: {@code scale * field + bias}, with one of each for a row. */
  void unpack(
      Plane plane, int tile, int column, int count, float[] scales, float[] biases, float[] out);

  /** Converts columns of a tile that are floats. */
  void convert(Plane plane, DType type, int tile, int column, int count, float[] out);

  /** Whether there is {@link #dots}. */
  default boolean hasDots() {
    return false;
  }

  /**
   * Adds scaled products of fields with codes of bytes to {@code [token][row]} sums, but for the
   * codes' factors.
   *
   * @param group columns of a group, with padding
   * @param sums native memory
   */
  default void dots(Plane plane, int tile, Scales scales, int group, Bytes x, MemorySegment sums) {
    throw new UnsupportedOperationException("products of bytes");
  }

  /** Adds products of floats to {@code [token][row]} sums. */
  void dense(
      float[] weights, int columns, float[] x, int xAt, int xStride, int tokens, float[] sums);

  /**
   * Products of {@link #QUERIES} queries with a block of keys.
   *
   * @param queries {@code [query][dim]}
   * @param keys from {@code at} on {@code [dim][key]}, {@link KeyValueCache#BLOCK} keys
   * @param out from {@code outAt} on the products of the first query; {@code stride} floats further
   *     on those of the next
   */
  void scores(float[] queries, int dim, float[] keys, int at, float[] out, int outAt, int stride);

  /**
   * Replaces scores by the exponentials of their differences to the largest, and returns their sum,
   * the same bits each time. Negative infinity becomes 0.
   *
   * @param count a multiple of {@link KeyValueCache#BLOCK}, not 0
   */
  float softmax(float[] x, int at, int count);

  /**
   * Replaces numbers that are not above 0 by their exponentials.
   *
   * @param count a multiple of {@link KeyValueCache#BLOCK}
   */
  void exponentials(float[] x, int at, int count);

  /**
   * Adds weighted values to what {@link #QUERIES} queries have.
   *
   * @param weights from {@code at} on {@code count} of the first query, up to a block of them;
   *     {@code stride} floats further on those of the next
   * @param values from {@code valuesAt} on {@code [weight][dim]}
   * @param out {@code [query][dim]}
   */
  void mix(
      float[] weights,
      int at,
      int stride,
      int count,
      float[] values,
      int valuesAt,
      int dim,
      float[] out);

  /** {@code y += factor * x}. */
  void addScaled(float factor, float[] x, int xAt, float[] y, int yAt, int length);
}

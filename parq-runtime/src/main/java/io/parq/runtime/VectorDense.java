package io.parq.runtime;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Products of unpacked weights with several tokens, four at a time. */
final class VectorDense {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  /** Rows at a time. */
  private static final int ROWS = 2 * LANES;

  private static final int TILE = Geometry.TILE;

  private VectorDense() {}

  /** {@link MatrixKernels#dense}. */
  static void floats(
      float[] weights, int columns, float[] x, int xAt, int xStride, int tokens, float[] sums) {
    int token = 0;
    for (; token + 4 <= tokens; token += 4) {
      for (int k = 0; k < TILE / ROWS; k++) {
        fourFloats(
            weights,
            k * ROWS,
            columns,
            x,
            xAt + token * xStride,
            xStride,
            sums,
            token * TILE + k * ROWS);
      }
    }
    for (; token < tokens; token++) {
      for (int k = 0; k < TILE / ROWS; k++) {
        oneFloats(
            weights, k * ROWS, columns, x, xAt + token * xStride, sums, token * TILE + k * ROWS);
      }
    }
  }

  /** Four tokens, two vectors of rows. */
  private static void fourFloats(
      float[] weights,
      int from,
      int columns,
      float[] x,
      int xAt,
      int xStride,
      float[] sums,
      int to) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, to);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, to + LANES);
    FloatVector s10 = FloatVector.fromArray(FLOATS, sums, to + TILE);
    FloatVector s11 = FloatVector.fromArray(FLOATS, sums, to + TILE + LANES);
    FloatVector s20 = FloatVector.fromArray(FLOATS, sums, to + 2 * TILE);
    FloatVector s21 = FloatVector.fromArray(FLOATS, sums, to + 2 * TILE + LANES);
    FloatVector s30 = FloatVector.fromArray(FLOATS, sums, to + 3 * TILE);
    FloatVector s31 = FloatVector.fromArray(FLOATS, sums, to + 3 * TILE + LANES);
    int at = from;
    for (int column = xAt; column < xAt + columns; column += 2) {
      FloatVector w00 = FloatVector.fromArray(FLOATS, weights, at);
      FloatVector w01 = FloatVector.fromArray(FLOATS, weights, at + LANES);
      FloatVector w10 = FloatVector.fromArray(FLOATS, weights, at + TILE);
      FloatVector w11 = FloatVector.fromArray(FLOATS, weights, at + TILE + LANES);
      FloatVector v00 = FloatVector.broadcast(FLOATS, x[column]);
      FloatVector v01 = FloatVector.broadcast(FLOATS, x[column + 1]);
      s00 = w10.fma(v01, w00.fma(v00, s00));
      s01 = w11.fma(v01, w01.fma(v00, s01));
      FloatVector v10 = FloatVector.broadcast(FLOATS, x[column + xStride]);
      FloatVector v11 = FloatVector.broadcast(FLOATS, x[column + 1 + xStride]);
      s10 = w10.fma(v11, w00.fma(v10, s10));
      s11 = w11.fma(v11, w01.fma(v10, s11));
      FloatVector v20 = FloatVector.broadcast(FLOATS, x[column + 2 * xStride]);
      FloatVector v21 = FloatVector.broadcast(FLOATS, x[column + 1 + 2 * xStride]);
      s20 = w10.fma(v21, w00.fma(v20, s20));
      s21 = w11.fma(v21, w01.fma(v20, s21));
      FloatVector v30 = FloatVector.broadcast(FLOATS, x[column + 3 * xStride]);
      FloatVector v31 = FloatVector.broadcast(FLOATS, x[column + 1 + 3 * xStride]);
      s30 = w10.fma(v31, w00.fma(v30, s30));
      s31 = w11.fma(v31, w01.fma(v30, s31));
      at += 2 * TILE;
    }
    s00.intoArray(sums, to);
    s01.intoArray(sums, to + LANES);
    s10.intoArray(sums, to + TILE);
    s11.intoArray(sums, to + TILE + LANES);
    s20.intoArray(sums, to + 2 * TILE);
    s21.intoArray(sums, to + 2 * TILE + LANES);
    s30.intoArray(sums, to + 3 * TILE);
    s31.intoArray(sums, to + 3 * TILE + LANES);
  }

  /** One token, two vectors of rows. */
  private static void oneFloats(
      float[] weights, int from, int columns, float[] x, int xAt, float[] sums, int to) {
    FloatVector a = FloatVector.fromArray(FLOATS, sums, to);
    FloatVector b = FloatVector.fromArray(FLOATS, sums, to + LANES);
    int at = from;
    for (int column = xAt; column < xAt + columns; column += 2) {
      FloatVector v0 = FloatVector.broadcast(FLOATS, x[column]);
      FloatVector v1 = FloatVector.broadcast(FLOATS, x[column + 1]);
      a = FloatVector.fromArray(FLOATS, weights, at).fma(v0, a);
      b = FloatVector.fromArray(FLOATS, weights, at + LANES).fma(v0, b);
      a = FloatVector.fromArray(FLOATS, weights, at + TILE).fma(v1, a);
      b = FloatVector.fromArray(FLOATS, weights, at + TILE + LANES).fma(v1, b);
      at += 2 * TILE;
    }
    a.intoArray(sums, to);
    b.intoArray(sums, to + LANES);
  }
}

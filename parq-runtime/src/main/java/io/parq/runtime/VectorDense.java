package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Products of unpacked weights with several tokens, four at a time. */
final class VectorDense {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int ROWS = 2 * LANES;
  private static final int TILE = BLOCKS * ROWS;

  private VectorDense() {}

  /** {@link MatrixKernels#shorts}. */
  static void shorts(
      short[] fields, int columns, Numbers x, int column, float[] scales, float[] sums) {
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    short[] products = scratch.shorts(4 * 2 * ROWS);
    int tokens = x.tokens();
    int token = 0;
    for (; token + 4 <= tokens; token += 4) {
      for (int row = 0; row < TILE; row += 2 * ROWS) {
        four(fields, columns, x, x.at(token, column), row, products);
        add(products, 4, x, token, column, scales, sums, row);
      }
    }
    for (; token < tokens; token++) {
      for (int row = 0; row < TILE; row += 2 * ROWS) {
        one(fields, columns, x, x.at(token, column), row, products);
        add(products, 1, x, token, column, scales, sums, row);
      }
    }
    scratch.release(mark);
  }

  /** Scales what was summed in 16 bits, token by token. */
  private static void add(
      short[] products,
      int tokens,
      Numbers x,
      int token,
      int column,
      float[] scales,
      float[] sums,
      int row) {
    int from = 0;
    for (int t = token; t < token + tokens; t++) {
      float offset = x.offset(t, column);
      for (int r = row; r < row + 2 * ROWS; r += ROWS) {
        IntVector high = ShortVector.fromArray(SHORTS, products, from).reinterpretAsInts();
        IntVector low = high.lanewise(VectorOperators.LSHL, 16);
        FloatVector a =
            (FloatVector) low.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0);
        FloatVector b =
            (FloatVector) high.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0);
        int to = t * TILE + r;
        a.sub(offset)
            .fma(FloatVector.fromArray(FLOATS, scales, r), FloatVector.fromArray(FLOATS, sums, to))
            .intoArray(sums, to);
        b.sub(offset)
            .fma(
                FloatVector.fromArray(FLOATS, scales, r + LANES),
                FloatVector.fromArray(FLOATS, sums, to + LANES))
            .intoArray(sums, to + LANES);
        from += ROWS;
      }
    }
  }

  /** Four tokens, two row blocks. */
  private static void four(short[] fields, int columns, Numbers x, int at, int row, short[] out) {
    int[] values = x.values();
    int stride = x.chunk();
    ShortVector p00 = ShortVector.zero(SHORTS);
    ShortVector p01 = ShortVector.zero(SHORTS);
    ShortVector p10 = ShortVector.zero(SHORTS);
    ShortVector p11 = ShortVector.zero(SHORTS);
    ShortVector p20 = ShortVector.zero(SHORTS);
    ShortVector p21 = ShortVector.zero(SHORTS);
    ShortVector p30 = ShortVector.zero(SHORTS);
    ShortVector p31 = ShortVector.zero(SHORTS);
    int from = row;
    for (int i = at; i < at + columns; i++) {
      ShortVector w0 = ShortVector.fromArray(SHORTS, fields, from);
      ShortVector w1 = ShortVector.fromArray(SHORTS, fields, from + ROWS);
      from += TILE;
      ShortVector v0 = IntVector.broadcast(INTS, values[i]).reinterpretAsShorts();
      p00 = p00.add(w0.mul(v0));
      p01 = p01.add(w1.mul(v0));
      ShortVector v1 = IntVector.broadcast(INTS, values[i + stride]).reinterpretAsShorts();
      p10 = p10.add(w0.mul(v1));
      p11 = p11.add(w1.mul(v1));
      ShortVector v2 = IntVector.broadcast(INTS, values[i + 2 * stride]).reinterpretAsShorts();
      p20 = p20.add(w0.mul(v2));
      p21 = p21.add(w1.mul(v2));
      ShortVector v3 = IntVector.broadcast(INTS, values[i + 3 * stride]).reinterpretAsShorts();
      p30 = p30.add(w0.mul(v3));
      p31 = p31.add(w1.mul(v3));
    }
    p00.intoArray(out, 0);
    p01.intoArray(out, ROWS);
    p10.intoArray(out, 2 * ROWS);
    p11.intoArray(out, 3 * ROWS);
    p20.intoArray(out, 4 * ROWS);
    p21.intoArray(out, 5 * ROWS);
    p30.intoArray(out, 6 * ROWS);
    p31.intoArray(out, 7 * ROWS);
  }

  /** One token, two row blocks. */
  private static void one(short[] fields, int columns, Numbers x, int at, int row, short[] out) {
    int[] values = x.values();
    ShortVector p00 = ShortVector.zero(SHORTS);
    ShortVector p01 = ShortVector.zero(SHORTS);
    int from = row;
    for (int i = at; i < at + columns; i++) {
      ShortVector w0 = ShortVector.fromArray(SHORTS, fields, from);
      ShortVector w1 = ShortVector.fromArray(SHORTS, fields, from + ROWS);
      from += TILE;
      ShortVector v0 = IntVector.broadcast(INTS, values[i]).reinterpretAsShorts();
      p00 = p00.add(w0.mul(v0));
      p01 = p01.add(w1.mul(v0));
    }
    p00.intoArray(out, 0);
    p01.intoArray(out, ROWS);
  }

  /** {@link MatrixKernels#dense}. */
  static void floats(
      float[] weights, int columns, float[] x, int xAt, int xStride, int tokens, float[] sums) {
    int token = 0;
    for (; token + 4 <= tokens; token += 4) {
      for (int k = 0; k < BLOCKS; k++) {
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
      for (int k = 0; k < BLOCKS; k += 2) {
        oneFloats(
            weights, k * ROWS, columns, x, xAt + token * xStride, sums, token * TILE + k * ROWS);
      }
    }
  }

  /** Four tokens, a row block. */
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
    for (int column = xAt; column < xAt + columns; column++) {
      FloatVector w0 = FloatVector.fromArray(FLOATS, weights, at);
      FloatVector w1 = FloatVector.fromArray(FLOATS, weights, at + LANES);
      at += TILE;
      FloatVector v0 = FloatVector.broadcast(FLOATS, x[column]);
      s00 = w0.fma(v0, s00);
      s01 = w1.fma(v0, s01);
      FloatVector v1 = FloatVector.broadcast(FLOATS, x[column + xStride]);
      s10 = w0.fma(v1, s10);
      s11 = w1.fma(v1, s11);
      FloatVector v2 = FloatVector.broadcast(FLOATS, x[column + 2 * xStride]);
      s20 = w0.fma(v2, s20);
      s21 = w1.fma(v2, s21);
      FloatVector v3 = FloatVector.broadcast(FLOATS, x[column + 3 * xStride]);
      s30 = w0.fma(v3, s30);
      s31 = w1.fma(v3, s31);
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

  /** One token, two row blocks. */
  private static void oneFloats(
      float[] weights, int from, int columns, float[] x, int xAt, float[] sums, int to) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, to);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, to + LANES);
    FloatVector s02 = FloatVector.fromArray(FLOATS, sums, to + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(FLOATS, sums, to + 3 * LANES);
    int at = from;
    for (int column = xAt; column < xAt + columns; column++) {
      FloatVector w0 = FloatVector.fromArray(FLOATS, weights, at);
      FloatVector w1 = FloatVector.fromArray(FLOATS, weights, at + LANES);
      FloatVector w2 = FloatVector.fromArray(FLOATS, weights, at + 2 * LANES);
      FloatVector w3 = FloatVector.fromArray(FLOATS, weights, at + 3 * LANES);
      at += TILE;
      FloatVector v0 = FloatVector.broadcast(FLOATS, x[column]);
      s00 = w0.fma(v0, s00);
      s01 = w1.fma(v0, s01);
      s02 = w2.fma(v0, s02);
      s03 = w3.fma(v0, s03);
    }
    s00.intoArray(sums, to);
    s01.intoArray(sums, to + LANES);
    s02.intoArray(sums, to + 2 * LANES);
    s03.intoArray(sums, to + 3 * LANES);
  }
}

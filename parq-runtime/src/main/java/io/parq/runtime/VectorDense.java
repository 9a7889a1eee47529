package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Products of unpacked weights with several tokens, four at a time with two row blocks. */
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
      short[] fields, int columns, int run, int[] x, int xAt, int xStride, int tokens, int[] sums) {
    int token = 0;
    for (; token + 4 <= tokens; token += 4) {
      for (int k = 0; k < BLOCKS; k += 2) {
        four(
            fields,
            k * ROWS,
            columns,
            run,
            x,
            xAt + token * xStride,
            xStride,
            sums,
            token * TILE + k * ROWS);
      }
    }
    for (; token < tokens; token++) {
      one(fields, columns, run, x, xAt + token * xStride, sums, token * TILE);
    }
  }

  /** Four tokens, two row blocks. */
  private static void four(
      short[] fields,
      int from,
      int columns,
      int run,
      int[] x,
      int xAt,
      int xStride,
      int[] sums,
      int to) {
    IntVector a00 = IntVector.fromArray(INTS, sums, to);
    IntVector b00 = IntVector.fromArray(INTS, sums, to + 1 * LANES);
    IntVector a01 = IntVector.fromArray(INTS, sums, to + 2 * LANES);
    IntVector b01 = IntVector.fromArray(INTS, sums, to + 3 * LANES);
    IntVector a10 = IntVector.fromArray(INTS, sums, to + 1 * TILE);
    IntVector b10 = IntVector.fromArray(INTS, sums, to + 1 * TILE + 1 * LANES);
    IntVector a11 = IntVector.fromArray(INTS, sums, to + 1 * TILE + 2 * LANES);
    IntVector b11 = IntVector.fromArray(INTS, sums, to + 1 * TILE + 3 * LANES);
    IntVector a20 = IntVector.fromArray(INTS, sums, to + 2 * TILE);
    IntVector b20 = IntVector.fromArray(INTS, sums, to + 2 * TILE + 1 * LANES);
    IntVector a21 = IntVector.fromArray(INTS, sums, to + 2 * TILE + 2 * LANES);
    IntVector b21 = IntVector.fromArray(INTS, sums, to + 2 * TILE + 3 * LANES);
    IntVector a30 = IntVector.fromArray(INTS, sums, to + 3 * TILE);
    IntVector b30 = IntVector.fromArray(INTS, sums, to + 3 * TILE + 1 * LANES);
    IntVector a31 = IntVector.fromArray(INTS, sums, to + 3 * TILE + 2 * LANES);
    IntVector b31 = IntVector.fromArray(INTS, sums, to + 3 * TILE + 3 * LANES);
    int last = from + columns * TILE;
    int column = xAt;
    for (int at = from; at < last; ) {
      int end = Math.min(last, at + run * TILE);
      ShortVector p00 = ShortVector.zero(SHORTS);
      ShortVector p01 = ShortVector.zero(SHORTS);
      ShortVector p10 = ShortVector.zero(SHORTS);
      ShortVector p11 = ShortVector.zero(SHORTS);
      ShortVector p20 = ShortVector.zero(SHORTS);
      ShortVector p21 = ShortVector.zero(SHORTS);
      ShortVector p30 = ShortVector.zero(SHORTS);
      ShortVector p31 = ShortVector.zero(SHORTS);
      for (; at < end; at += TILE) {
        ShortVector w0 = ShortVector.fromArray(SHORTS, fields, at);
        ShortVector w1 = ShortVector.fromArray(SHORTS, fields, at + 1 * ROWS);
        ShortVector v0 = IntVector.broadcast(INTS, x[column]).reinterpretAsShorts();
        p00 = p00.add(w0.mul(v0));
        p01 = p01.add(w1.mul(v0));
        ShortVector v1 = IntVector.broadcast(INTS, x[column + xStride]).reinterpretAsShorts();
        p10 = p10.add(w0.mul(v1));
        p11 = p11.add(w1.mul(v1));
        ShortVector v2 = IntVector.broadcast(INTS, x[column + 2 * xStride]).reinterpretAsShorts();
        p20 = p20.add(w0.mul(v2));
        p21 = p21.add(w1.mul(v2));
        ShortVector v3 = IntVector.broadcast(INTS, x[column + 3 * xStride]).reinterpretAsShorts();
        p30 = p30.add(w0.mul(v3));
        p31 = p31.add(w1.mul(v3));
        column++;
      }
      IntVector i00 = p00.reinterpretAsInts();
      a00 = a00.add(i00.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b00 = b00.add(i00.lanewise(VectorOperators.ASHR, 16));
      IntVector i01 = p01.reinterpretAsInts();
      a01 = a01.add(i01.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b01 = b01.add(i01.lanewise(VectorOperators.ASHR, 16));
      IntVector i10 = p10.reinterpretAsInts();
      a10 = a10.add(i10.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b10 = b10.add(i10.lanewise(VectorOperators.ASHR, 16));
      IntVector i11 = p11.reinterpretAsInts();
      a11 = a11.add(i11.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b11 = b11.add(i11.lanewise(VectorOperators.ASHR, 16));
      IntVector i20 = p20.reinterpretAsInts();
      a20 = a20.add(i20.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b20 = b20.add(i20.lanewise(VectorOperators.ASHR, 16));
      IntVector i21 = p21.reinterpretAsInts();
      a21 = a21.add(i21.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b21 = b21.add(i21.lanewise(VectorOperators.ASHR, 16));
      IntVector i30 = p30.reinterpretAsInts();
      a30 = a30.add(i30.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b30 = b30.add(i30.lanewise(VectorOperators.ASHR, 16));
      IntVector i31 = p31.reinterpretAsInts();
      a31 = a31.add(i31.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b31 = b31.add(i31.lanewise(VectorOperators.ASHR, 16));
    }
    a00.intoArray(sums, to);
    b00.intoArray(sums, to + 1 * LANES);
    a01.intoArray(sums, to + 2 * LANES);
    b01.intoArray(sums, to + 3 * LANES);
    a10.intoArray(sums, to + 1 * TILE);
    b10.intoArray(sums, to + 1 * TILE + 1 * LANES);
    a11.intoArray(sums, to + 1 * TILE + 2 * LANES);
    b11.intoArray(sums, to + 1 * TILE + 3 * LANES);
    a20.intoArray(sums, to + 2 * TILE);
    b20.intoArray(sums, to + 2 * TILE + 1 * LANES);
    a21.intoArray(sums, to + 2 * TILE + 2 * LANES);
    b21.intoArray(sums, to + 2 * TILE + 3 * LANES);
    a30.intoArray(sums, to + 3 * TILE);
    b30.intoArray(sums, to + 3 * TILE + 1 * LANES);
    a31.intoArray(sums, to + 3 * TILE + 2 * LANES);
    b31.intoArray(sums, to + 3 * TILE + 3 * LANES);
  }

  /** One token, all row blocks. */
  private static void one(
      short[] fields, int columns, int run, int[] x, int xAt, int[] sums, int to) {
    IntVector a00 = IntVector.fromArray(INTS, sums, to);
    IntVector b00 = IntVector.fromArray(INTS, sums, to + 1 * LANES);
    IntVector a01 = IntVector.fromArray(INTS, sums, to + 2 * LANES);
    IntVector b01 = IntVector.fromArray(INTS, sums, to + 3 * LANES);
    IntVector a02 = IntVector.fromArray(INTS, sums, to + 4 * LANES);
    IntVector b02 = IntVector.fromArray(INTS, sums, to + 5 * LANES);
    IntVector a03 = IntVector.fromArray(INTS, sums, to + 6 * LANES);
    IntVector b03 = IntVector.fromArray(INTS, sums, to + 7 * LANES);
    int last = columns * TILE;
    int column = xAt;
    for (int at = 0; at < last; ) {
      int end = Math.min(last, at + run * TILE);
      ShortVector p00 = ShortVector.zero(SHORTS);
      ShortVector p01 = ShortVector.zero(SHORTS);
      ShortVector p02 = ShortVector.zero(SHORTS);
      ShortVector p03 = ShortVector.zero(SHORTS);
      for (; at < end; at += TILE) {
        ShortVector w0 = ShortVector.fromArray(SHORTS, fields, at);
        ShortVector w1 = ShortVector.fromArray(SHORTS, fields, at + 1 * ROWS);
        ShortVector w2 = ShortVector.fromArray(SHORTS, fields, at + 2 * ROWS);
        ShortVector w3 = ShortVector.fromArray(SHORTS, fields, at + 3 * ROWS);
        ShortVector v0 = IntVector.broadcast(INTS, x[column]).reinterpretAsShorts();
        p00 = p00.add(w0.mul(v0));
        p01 = p01.add(w1.mul(v0));
        p02 = p02.add(w2.mul(v0));
        p03 = p03.add(w3.mul(v0));
        column++;
      }
      IntVector i00 = p00.reinterpretAsInts();
      a00 = a00.add(i00.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b00 = b00.add(i00.lanewise(VectorOperators.ASHR, 16));
      IntVector i01 = p01.reinterpretAsInts();
      a01 = a01.add(i01.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b01 = b01.add(i01.lanewise(VectorOperators.ASHR, 16));
      IntVector i02 = p02.reinterpretAsInts();
      a02 = a02.add(i02.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b02 = b02.add(i02.lanewise(VectorOperators.ASHR, 16));
      IntVector i03 = p03.reinterpretAsInts();
      a03 = a03.add(i03.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
      b03 = b03.add(i03.lanewise(VectorOperators.ASHR, 16));
    }
    a00.intoArray(sums, to);
    b00.intoArray(sums, to + 1 * LANES);
    a01.intoArray(sums, to + 2 * LANES);
    b01.intoArray(sums, to + 3 * LANES);
    a02.intoArray(sums, to + 4 * LANES);
    b02.intoArray(sums, to + 5 * LANES);
    a03.intoArray(sums, to + 6 * LANES);
    b03.intoArray(sums, to + 7 * LANES);
  }

  /** {@link MatrixKernels#finish}. */
  static void finish(
      int[] sums, int at, float offset, float factor, float[] scales, float[] y, int yAt) {
    for (int i = 0; i < TILE; i += LANES) {
      IntVector sum = IntVector.fromArray(INTS, sums, at + i);
      ((FloatVector) sum.convert(VectorOperators.I2F, 0))
          .add(offset)
          .mul(factor)
          .fma(FloatVector.fromArray(FLOATS, scales, i), FloatVector.fromArray(FLOATS, y, yAt + i))
          .intoArray(y, yAt + i);
    }
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
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, to + 1 * LANES);
    FloatVector s10 = FloatVector.fromArray(FLOATS, sums, to + 1 * TILE);
    FloatVector s11 = FloatVector.fromArray(FLOATS, sums, to + 1 * TILE + 1 * LANES);
    FloatVector s20 = FloatVector.fromArray(FLOATS, sums, to + 2 * TILE);
    FloatVector s21 = FloatVector.fromArray(FLOATS, sums, to + 2 * TILE + 1 * LANES);
    FloatVector s30 = FloatVector.fromArray(FLOATS, sums, to + 3 * TILE);
    FloatVector s31 = FloatVector.fromArray(FLOATS, sums, to + 3 * TILE + 1 * LANES);
    int at = from;
    for (int column = xAt; column < xAt + columns; column++) {
      FloatVector w0 = FloatVector.fromArray(FLOATS, weights, at);
      FloatVector w1 = FloatVector.fromArray(FLOATS, weights, at + 1 * LANES);
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
    s01.intoArray(sums, to + 1 * LANES);
    s10.intoArray(sums, to + 1 * TILE);
    s11.intoArray(sums, to + 1 * TILE + 1 * LANES);
    s20.intoArray(sums, to + 2 * TILE);
    s21.intoArray(sums, to + 2 * TILE + 1 * LANES);
    s30.intoArray(sums, to + 3 * TILE);
    s31.intoArray(sums, to + 3 * TILE + 1 * LANES);
  }

  /** One token, two row blocks. */
  private static void oneFloats(
      float[] weights, int from, int columns, float[] x, int xAt, float[] sums, int to) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, to);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, to + 1 * LANES);
    FloatVector s02 = FloatVector.fromArray(FLOATS, sums, to + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(FLOATS, sums, to + 3 * LANES);
    int at = from;
    for (int column = xAt; column < xAt + columns; column++) {
      FloatVector w0 = FloatVector.fromArray(FLOATS, weights, at);
      FloatVector w1 = FloatVector.fromArray(FLOATS, weights, at + 1 * LANES);
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
    s01.intoArray(sums, to + 1 * LANES);
    s02.intoArray(sums, to + 2 * LANES);
    s03.intoArray(sums, to + 3 * LANES);
  }
}

package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
import static io.parq.runtime.Memory.ALL;
import static io.parq.runtime.VectorKernels.WHOLE;
import static io.parq.runtime.VectorKernels.WHOLE_BITS;

import java.nio.ByteOrder;
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
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int TILE = BLOCKS * ROWS;

  private VectorDense() {}

  /** {@link MatrixKernels#shorts}. */
  static void shorts(
      short[] fields, int columns, Numbers x, int column, float[] scales, float[] sums) {
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    long products = scratch.memory(4 * 2 * BYTES).address();
    int offsets = x.offsetsAt(column);
    int at = x.at(0, column);
    int tokens = x.tokens();
    int token = 0;
    while (token < tokens) {
      int several = token + 4 <= tokens ? 4 : 1;
      for (int row = 0; row < TILE; row += 2 * ROWS) {
        if (several == 4) {
          four(fields, columns, x, at + token * x.chunk(), row, products);
        } else {
          one(fields, columns, x, at + token * x.chunk(), row, products);
        }
        for (int t = 0; t < several; t++) {
          float offset = x.offsets()[offsets + token + t];
          add(products + t * 2L * BYTES, offset, scales, sums, row, (token + t) * TILE + row);
        }
      }
      token += several;
    }
    scratch.release(mark);
  }

  /** Scales what was summed in 16 bits: two row blocks of a token. */
  private static void add(
      long products, float offset, float[] scales, float[] sums, int row, int to) {
    for (int r = 0; r < 2 * ROWS; r += ROWS) {
      IntVector both =
          ShortVector.fromMemorySegment(SHORTS, ALL, products + 2L * r, ORDER).reinterpretAsInts();
      IntVector low = both.and(0xFFFF).lanewise(VectorOperators.XOR, WHOLE_BITS);
      IntVector high =
          both.lanewise(VectorOperators.LSHR, 16).lanewise(VectorOperators.XOR, WHOLE_BITS);
      FloatVector a = low.reinterpretAsFloats().sub(WHOLE).sub(offset);
      FloatVector b = high.reinterpretAsFloats().sub(WHOLE).sub(offset);
      int from = row + r;
      int at = to + r;
      FloatVector sa = FloatVector.fromArray(FLOATS, sums, at);
      a.fma(FloatVector.fromArray(FLOATS, scales, from), sa).intoArray(sums, at);
      FloatVector sb = FloatVector.fromArray(FLOATS, sums, at + LANES);
      b.fma(FloatVector.fromArray(FLOATS, scales, from + LANES), sb).intoArray(sums, at + LANES);
    }
  }

  /** Four tokens, two row blocks. */
  private static void four(short[] fields, int columns, Numbers x, int at, int row, long out) {
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
    for (int i = at; i < at + columns; i += 2) {
      ShortVector w00 = ShortVector.fromArray(SHORTS, fields, from);
      ShortVector w01 = ShortVector.fromArray(SHORTS, fields, from + ROWS);
      ShortVector w10 = ShortVector.fromArray(SHORTS, fields, from + TILE);
      ShortVector w11 = ShortVector.fromArray(SHORTS, fields, from + TILE + ROWS);
      ShortVector v00 = IntVector.broadcast(INTS, values[i]).reinterpretAsShorts();
      ShortVector v01 = IntVector.broadcast(INTS, values[i + 1]).reinterpretAsShorts();
      p00 = p00.add(w00.mul(v00)).add(w10.mul(v01));
      p01 = p01.add(w01.mul(v00)).add(w11.mul(v01));
      ShortVector v10 = IntVector.broadcast(INTS, values[i + stride]).reinterpretAsShorts();
      ShortVector v11 = IntVector.broadcast(INTS, values[i + 1 + stride]).reinterpretAsShorts();
      p10 = p10.add(w00.mul(v10)).add(w10.mul(v11));
      p11 = p11.add(w01.mul(v10)).add(w11.mul(v11));
      ShortVector v20 = IntVector.broadcast(INTS, values[i + 2 * stride]).reinterpretAsShorts();
      ShortVector v21 = IntVector.broadcast(INTS, values[i + 1 + 2 * stride]).reinterpretAsShorts();
      p20 = p20.add(w00.mul(v20)).add(w10.mul(v21));
      p21 = p21.add(w01.mul(v20)).add(w11.mul(v21));
      ShortVector v30 = IntVector.broadcast(INTS, values[i + 3 * stride]).reinterpretAsShorts();
      ShortVector v31 = IntVector.broadcast(INTS, values[i + 1 + 3 * stride]).reinterpretAsShorts();
      p30 = p30.add(w00.mul(v30)).add(w10.mul(v31));
      p31 = p31.add(w01.mul(v30)).add(w11.mul(v31));
      from += 2 * TILE;
    }
    p00.intoMemorySegment(ALL, out, ORDER);
    p01.intoMemorySegment(ALL, out + BYTES, ORDER);
    p10.intoMemorySegment(ALL, out + 2L * BYTES, ORDER);
    p11.intoMemorySegment(ALL, out + 3L * BYTES, ORDER);
    p20.intoMemorySegment(ALL, out + 4L * BYTES, ORDER);
    p21.intoMemorySegment(ALL, out + 5L * BYTES, ORDER);
    p30.intoMemorySegment(ALL, out + 6L * BYTES, ORDER);
    p31.intoMemorySegment(ALL, out + 7L * BYTES, ORDER);
  }

  /** One token, two row blocks. */
  private static void one(short[] fields, int columns, Numbers x, int at, int row, long out) {
    int[] values = x.values();
    ShortVector p0 = ShortVector.zero(SHORTS);
    ShortVector p1 = ShortVector.zero(SHORTS);
    int from = row;
    for (int i = at; i < at + columns; i += 2) {
      ShortVector v0 = IntVector.broadcast(INTS, values[i]).reinterpretAsShorts();
      ShortVector v1 = IntVector.broadcast(INTS, values[i + 1]).reinterpretAsShorts();
      ShortVector a0 = ShortVector.fromArray(SHORTS, fields, from).mul(v0);
      ShortVector b0 = ShortVector.fromArray(SHORTS, fields, from + ROWS).mul(v0);
      ShortVector a1 = ShortVector.fromArray(SHORTS, fields, from + TILE).mul(v1);
      ShortVector b1 = ShortVector.fromArray(SHORTS, fields, from + TILE + ROWS).mul(v1);
      p0 = p0.add(a0).add(a1);
      p1 = p1.add(b0).add(b1);
      from += 2 * TILE;
    }
    p0.intoMemorySegment(ALL, out, ORDER);
    p1.intoMemorySegment(ALL, out + BYTES, ORDER);
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
      for (int k = 0; k < BLOCKS; k++) {
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

  /** One token, a row block. */
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

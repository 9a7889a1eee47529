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
    long products = scratch.memory(4 * 2 * BYTES).fill((byte) 0).address();
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

  /** Scales what was summed in 16 bits, token by token, and makes it zero. */
  private static void add(
      long products,
      int tokens,
      Numbers x,
      int token,
      int column,
      float[] scales,
      float[] sums,
      int row) {
    long from = 0;
    for (int t = token; t < token + tokens; t++) {
      float offset = x.offset(t, column);
      for (int r = row; r < row + 2 * ROWS; r += ROWS) {
        IntVector high =
            ShortVector.fromMemorySegment(SHORTS, ALL, products + from, ORDER).reinterpretAsInts();
        ShortVector.zero(SHORTS).intoMemorySegment(ALL, products + from, ORDER);
        IntVector low = high.lanewise(VectorOperators.LSHL, 16);
        IntVector ai = low.lanewise(VectorOperators.ASHR, 16).add(WHOLE_BITS);
        IntVector bi = high.lanewise(VectorOperators.ASHR, 16).add(WHOLE_BITS);
        FloatVector a = ai.reinterpretAsFloats().sub(WHOLE).sub(offset);
        FloatVector b = bi.reinterpretAsFloats().sub(WHOLE).sub(offset);
        FloatVector fa = FloatVector.fromArray(FLOATS, scales, r);
        FloatVector fb = FloatVector.fromArray(FLOATS, scales, r + LANES);
        int to = t * TILE + r;
        a.fma(fa, FloatVector.fromArray(FLOATS, sums, to)).intoArray(sums, to);
        to += LANES;
        b.fma(fb, FloatVector.fromArray(FLOATS, sums, to)).intoArray(sums, to);
        from += BYTES;
      }
    }
  }

  /** Four tokens, two row blocks. */
  private static void four(short[] fields, int columns, Numbers x, int at, int row, long out) {
    int[] values = x.values();
    int stride = x.chunk();
    int from = row;
    for (int i = at; i < at + columns; i += 4) {
      ShortVector w00 = ShortVector.fromArray(SHORTS, fields, from);
      ShortVector w01 = ShortVector.fromArray(SHORTS, fields, from + ROWS);
      ShortVector w10 = ShortVector.fromArray(SHORTS, fields, from + TILE);
      ShortVector w11 = ShortVector.fromArray(SHORTS, fields, from + TILE + ROWS);
      ShortVector w20 = ShortVector.fromArray(SHORTS, fields, from + 2 * TILE);
      ShortVector w21 = ShortVector.fromArray(SHORTS, fields, from + 2 * TILE + ROWS);
      ShortVector w30 = ShortVector.fromArray(SHORTS, fields, from + 3 * TILE);
      ShortVector w31 = ShortVector.fromArray(SHORTS, fields, from + 3 * TILE + ROWS);
      ShortVector v00 = IntVector.broadcast(INTS, values[i]).reinterpretAsShorts();
      ShortVector v01 = IntVector.broadcast(INTS, values[i + 1]).reinterpretAsShorts();
      ShortVector v02 = IntVector.broadcast(INTS, values[i + 2]).reinterpretAsShorts();
      ShortVector v03 = IntVector.broadcast(INTS, values[i + 3]).reinterpretAsShorts();
      ShortVector p00 = w00.mul(v00).add(ShortVector.fromMemorySegment(SHORTS, ALL, out, ORDER));
      p00 = p00.add(w10.mul(v01)).add(w20.mul(v02)).add(w30.mul(v03));
      p00.intoMemorySegment(ALL, out, ORDER);
      ShortVector p01 =
          w01.mul(v00).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + BYTES, ORDER));
      p01 = p01.add(w11.mul(v01)).add(w21.mul(v02)).add(w31.mul(v03));
      p01.intoMemorySegment(ALL, out + BYTES, ORDER);
      ShortVector v10 = IntVector.broadcast(INTS, values[i + stride]).reinterpretAsShorts();
      ShortVector v11 = IntVector.broadcast(INTS, values[i + 1 + stride]).reinterpretAsShorts();
      ShortVector v12 = IntVector.broadcast(INTS, values[i + 2 + stride]).reinterpretAsShorts();
      ShortVector v13 = IntVector.broadcast(INTS, values[i + 3 + stride]).reinterpretAsShorts();
      ShortVector p10 =
          w00.mul(v10).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + 2L * BYTES, ORDER));
      p10 = p10.add(w10.mul(v11)).add(w20.mul(v12)).add(w30.mul(v13));
      p10.intoMemorySegment(ALL, out + 2L * BYTES, ORDER);
      ShortVector p11 =
          w01.mul(v10).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + 3L * BYTES, ORDER));
      p11 = p11.add(w11.mul(v11)).add(w21.mul(v12)).add(w31.mul(v13));
      p11.intoMemorySegment(ALL, out + 3L * BYTES, ORDER);
      ShortVector v20 = IntVector.broadcast(INTS, values[i + 2 * stride]).reinterpretAsShorts();
      ShortVector v21 = IntVector.broadcast(INTS, values[i + 1 + 2 * stride]).reinterpretAsShorts();
      ShortVector v22 = IntVector.broadcast(INTS, values[i + 2 + 2 * stride]).reinterpretAsShorts();
      ShortVector v23 = IntVector.broadcast(INTS, values[i + 3 + 2 * stride]).reinterpretAsShorts();
      ShortVector p20 =
          w00.mul(v20).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + 4L * BYTES, ORDER));
      p20 = p20.add(w10.mul(v21)).add(w20.mul(v22)).add(w30.mul(v23));
      p20.intoMemorySegment(ALL, out + 4L * BYTES, ORDER);
      ShortVector p21 =
          w01.mul(v20).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + 5L * BYTES, ORDER));
      p21 = p21.add(w11.mul(v21)).add(w21.mul(v22)).add(w31.mul(v23));
      p21.intoMemorySegment(ALL, out + 5L * BYTES, ORDER);
      ShortVector v30 = IntVector.broadcast(INTS, values[i + 3 * stride]).reinterpretAsShorts();
      ShortVector v31 = IntVector.broadcast(INTS, values[i + 1 + 3 * stride]).reinterpretAsShorts();
      ShortVector v32 = IntVector.broadcast(INTS, values[i + 2 + 3 * stride]).reinterpretAsShorts();
      ShortVector v33 = IntVector.broadcast(INTS, values[i + 3 + 3 * stride]).reinterpretAsShorts();
      ShortVector p30 =
          w00.mul(v30).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + 6L * BYTES, ORDER));
      p30 = p30.add(w10.mul(v31)).add(w20.mul(v32)).add(w30.mul(v33));
      p30.intoMemorySegment(ALL, out + 6L * BYTES, ORDER);
      ShortVector p31 =
          w01.mul(v30).add(ShortVector.fromMemorySegment(SHORTS, ALL, out + 7L * BYTES, ORDER));
      p31 = p31.add(w11.mul(v31)).add(w21.mul(v32)).add(w31.mul(v33));
      p31.intoMemorySegment(ALL, out + 7L * BYTES, ORDER);
      from += 4 * TILE;
    }
  }

  /** One token, two row blocks. */
  private static void one(short[] fields, int columns, Numbers x, int at, int row, long out) {
    int[] values = x.values();
    int from = row;
    for (int i = at; i < at + columns; i += 2) {
      ShortVector v0 = IntVector.broadcast(INTS, values[i]).reinterpretAsShorts();
      ShortVector v1 = IntVector.broadcast(INTS, values[i + 1]).reinterpretAsShorts();
      ShortVector a0 = ShortVector.fromArray(SHORTS, fields, from).mul(v0);
      ShortVector b0 = ShortVector.fromArray(SHORTS, fields, from + ROWS).mul(v0);
      ShortVector a1 = ShortVector.fromArray(SHORTS, fields, from + TILE).mul(v1);
      ShortVector b1 = ShortVector.fromArray(SHORTS, fields, from + TILE + ROWS).mul(v1);
      a0.add(a1)
          .add(ShortVector.fromMemorySegment(SHORTS, ALL, out, ORDER))
          .intoMemorySegment(ALL, out, ORDER);
      b0.add(b1)
          .add(ShortVector.fromMemorySegment(SHORTS, ALL, out + BYTES, ORDER))
          .intoMemorySegment(ALL, out + BYTES, ORDER);
      from += 2 * TILE;
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
    int at = from;
    for (int column = xAt; column < xAt + columns; column += 4) {
      FloatVector w00 = FloatVector.fromArray(FLOATS, weights, at);
      FloatVector w01 = FloatVector.fromArray(FLOATS, weights, at + LANES);
      FloatVector w10 = FloatVector.fromArray(FLOATS, weights, at + TILE);
      FloatVector w11 = FloatVector.fromArray(FLOATS, weights, at + TILE + LANES);
      FloatVector w20 = FloatVector.fromArray(FLOATS, weights, at + 2 * TILE);
      FloatVector w21 = FloatVector.fromArray(FLOATS, weights, at + 2 * TILE + LANES);
      FloatVector w30 = FloatVector.fromArray(FLOATS, weights, at + 3 * TILE);
      FloatVector w31 = FloatVector.fromArray(FLOATS, weights, at + 3 * TILE + LANES);
      FloatVector v00 = FloatVector.broadcast(FLOATS, x[column]);
      FloatVector v01 = FloatVector.broadcast(FLOATS, x[column + 1]);
      FloatVector v02 = FloatVector.broadcast(FLOATS, x[column + 2]);
      FloatVector v03 = FloatVector.broadcast(FLOATS, x[column + 3]);
      FloatVector s00 = w00.fma(v00, FloatVector.fromArray(FLOATS, sums, to));
      w30.fma(v03, w20.fma(v02, w10.fma(v01, s00))).intoArray(sums, to);
      FloatVector s01 = w01.fma(v00, FloatVector.fromArray(FLOATS, sums, to + LANES));
      w31.fma(v03, w21.fma(v02, w11.fma(v01, s01))).intoArray(sums, to + LANES);
      FloatVector v10 = FloatVector.broadcast(FLOATS, x[column + xStride]);
      FloatVector v11 = FloatVector.broadcast(FLOATS, x[column + 1 + xStride]);
      FloatVector v12 = FloatVector.broadcast(FLOATS, x[column + 2 + xStride]);
      FloatVector v13 = FloatVector.broadcast(FLOATS, x[column + 3 + xStride]);
      FloatVector s10 = w00.fma(v10, FloatVector.fromArray(FLOATS, sums, to + TILE));
      w30.fma(v13, w20.fma(v12, w10.fma(v11, s10))).intoArray(sums, to + TILE);
      FloatVector s11 = w01.fma(v10, FloatVector.fromArray(FLOATS, sums, to + TILE + LANES));
      w31.fma(v13, w21.fma(v12, w11.fma(v11, s11))).intoArray(sums, to + TILE + LANES);
      FloatVector v20 = FloatVector.broadcast(FLOATS, x[column + 2 * xStride]);
      FloatVector v21 = FloatVector.broadcast(FLOATS, x[column + 1 + 2 * xStride]);
      FloatVector v22 = FloatVector.broadcast(FLOATS, x[column + 2 + 2 * xStride]);
      FloatVector v23 = FloatVector.broadcast(FLOATS, x[column + 3 + 2 * xStride]);
      FloatVector s20 = w00.fma(v20, FloatVector.fromArray(FLOATS, sums, to + 2 * TILE));
      w30.fma(v23, w20.fma(v22, w10.fma(v21, s20))).intoArray(sums, to + 2 * TILE);
      FloatVector s21 = w01.fma(v20, FloatVector.fromArray(FLOATS, sums, to + 2 * TILE + LANES));
      w31.fma(v23, w21.fma(v22, w11.fma(v21, s21))).intoArray(sums, to + 2 * TILE + LANES);
      FloatVector v30 = FloatVector.broadcast(FLOATS, x[column + 3 * xStride]);
      FloatVector v31 = FloatVector.broadcast(FLOATS, x[column + 1 + 3 * xStride]);
      FloatVector v32 = FloatVector.broadcast(FLOATS, x[column + 2 + 3 * xStride]);
      FloatVector v33 = FloatVector.broadcast(FLOATS, x[column + 3 + 3 * xStride]);
      FloatVector s30 = w00.fma(v30, FloatVector.fromArray(FLOATS, sums, to + 3 * TILE));
      w30.fma(v33, w20.fma(v32, w10.fma(v31, s30))).intoArray(sums, to + 3 * TILE);
      FloatVector s31 = w01.fma(v30, FloatVector.fromArray(FLOATS, sums, to + 3 * TILE + LANES));
      w31.fma(v33, w21.fma(v32, w11.fma(v31, s31))).intoArray(sums, to + 3 * TILE + LANES);
      at += 4 * TILE;
    }
  }

  /** One token, a row block. */
  private static void oneFloats(
      float[] weights, int from, int columns, float[] x, int xAt, float[] sums, int to) {
    int at = from;
    for (int column = xAt; column < xAt + columns; column += 4) {
      FloatVector a = FloatVector.fromArray(FLOATS, sums, to);
      FloatVector b = FloatVector.fromArray(FLOATS, sums, to + LANES);
      FloatVector v0 = FloatVector.broadcast(FLOATS, x[column]);
      FloatVector v1 = FloatVector.broadcast(FLOATS, x[column + 1]);
      FloatVector v2 = FloatVector.broadcast(FLOATS, x[column + 2]);
      FloatVector v3 = FloatVector.broadcast(FLOATS, x[column + 3]);
      a = FloatVector.fromArray(FLOATS, weights, at).fma(v0, a);
      b = FloatVector.fromArray(FLOATS, weights, at + LANES).fma(v0, b);
      a = FloatVector.fromArray(FLOATS, weights, at + TILE).fma(v1, a);
      b = FloatVector.fromArray(FLOATS, weights, at + TILE + LANES).fma(v1, b);
      a = FloatVector.fromArray(FLOATS, weights, at + 2 * TILE).fma(v2, a);
      b = FloatVector.fromArray(FLOATS, weights, at + 2 * TILE + LANES).fma(v2, b);
      a = FloatVector.fromArray(FLOATS, weights, at + 3 * TILE).fma(v3, a);
      b = FloatVector.fromArray(FLOATS, weights, at + 3 * TILE + LANES).fma(v3, b);
      a.intoArray(sums, to);
      b.intoArray(sums, to + LANES);
      at += 4 * TILE;
    }
  }
}

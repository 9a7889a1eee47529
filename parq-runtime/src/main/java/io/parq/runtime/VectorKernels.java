package io.parq.runtime;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loops over the Vector API. Vectors are never handed from method to method: what is not inlined
 * would allocate them. Tables have sixteen entries, so they need vectors of 512 bits.
 */
final class VectorKernels implements MatrixKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  VectorKernels() {}

  @Override
  public int lanes() {
    return LANES;
  }

  @Override
  public boolean hasTables() {
    return LANES == TABLE;
  }

  @Override
  public void fields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      float[] x,
      float[] y) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    int bits = plane.bits();
    int unused = Integer.SIZE - bits;
    int perWord = Integer.SIZE / bits;
    long at = plane.address((long) tile * BLOCKS, 0);
    int scaleAt = tile * groups * BLOCKS * LANES;
    FloatVector y0 = FloatVector.fromArray(FLOATS, y, 0);
    FloatVector y1 = FloatVector.fromArray(FLOATS, y, LANES);
    FloatVector y2 = FloatVector.fromArray(FLOATS, y, 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(FLOATS, y, 3 * LANES);
    int column = 0;
    for (int g = 0; g < groups; g++) {
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = FloatVector.zero(FLOATS);
      FloatVector s2 = FloatVector.zero(FLOATS);
      FloatVector s3 = FloatVector.zero(FLOATS);
      for (int word = 0; word < words; word++) {
        IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
        IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
        IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
        IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
        at += (long) LANES * Integer.BYTES;
        for (int f = 0; f < perWord; f++) {
          FloatVector v = FloatVector.broadcast(FLOATS, x[column++]);
          IntVector c0 = w0.lanewise(VectorOperators.ASHR, unused);
          IntVector c1 = w1.lanewise(VectorOperators.ASHR, unused);
          IntVector c2 = w2.lanewise(VectorOperators.ASHR, unused);
          IntVector c3 = w3.lanewise(VectorOperators.ASHR, unused);
          s0 = ((FloatVector) c0.convert(VectorOperators.I2F, 0)).fma(v, s0);
          s1 = ((FloatVector) c1.convert(VectorOperators.I2F, 0)).fma(v, s1);
          s2 = ((FloatVector) c2.convert(VectorOperators.I2F, 0)).fma(v, s2);
          s3 = ((FloatVector) c3.convert(VectorOperators.I2F, 0)).fma(v, s3);
          w0 = w0.lanewise(VectorOperators.LSHL, bits);
          w1 = w1.lanewise(VectorOperators.LSHL, bits);
          w2 = w2.lanewise(VectorOperators.LSHL, bits);
          w3 = w3.lanewise(VectorOperators.LSHL, bits);
        }
      }
      y0 = s0.fma(FloatVector.fromArray(FLOATS, scales, scaleAt).mul(factor), y0);
      y1 = s1.fma(FloatVector.fromArray(FLOATS, scales, scaleAt + LANES).mul(factor), y1);
      y2 = s2.fma(FloatVector.fromArray(FLOATS, scales, scaleAt + 2 * LANES).mul(factor), y2);
      y3 = s3.fma(FloatVector.fromArray(FLOATS, scales, scaleAt + 3 * LANES).mul(factor), y3);
      scaleAt += BLOCKS * LANES;
    }
    y0.intoArray(y, 0);
    y1.intoArray(y, LANES);
    y2.intoArray(y, 2 * LANES);
    y3.intoArray(y, 3 * LANES);
  }

  @Override
  public void tables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      float[] tables,
      float[] y) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    long at = plane.address((long) tile * BLOCKS, 0);
    int scaleAt = tile * groups * BLOCKS * LANES;
    FloatVector y0 = FloatVector.fromArray(FLOATS, y, 0);
    FloatVector y1 = FloatVector.fromArray(FLOATS, y, LANES);
    FloatVector y2 = FloatVector.fromArray(FLOATS, y, 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(FLOATS, y, 3 * LANES);
    int tableAt = 0;
    for (int g = 0; g < groups; g++) {
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = FloatVector.zero(FLOATS);
      FloatVector s2 = FloatVector.zero(FLOATS);
      FloatVector s3 = FloatVector.zero(FLOATS);
      for (int word = 0; word < words; word++) {
        IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
        IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
        IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
        IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
        at += (long) LANES * Integer.BYTES;
        for (int f = 0; f < 8; f++) {
          IntVector t = FloatVector.fromArray(FLOATS, tables, tableAt).reinterpretAsInts();
          tableAt += TABLE;
          IntVector c0 = w0.lanewise(VectorOperators.LSHR, 28).selectFrom(t);
          IntVector c1 = w1.lanewise(VectorOperators.LSHR, 28).selectFrom(t);
          IntVector c2 = w2.lanewise(VectorOperators.LSHR, 28).selectFrom(t);
          IntVector c3 = w3.lanewise(VectorOperators.LSHR, 28).selectFrom(t);
          s0 = s0.add(c0.reinterpretAsFloats());
          s1 = s1.add(c1.reinterpretAsFloats());
          s2 = s2.add(c2.reinterpretAsFloats());
          s3 = s3.add(c3.reinterpretAsFloats());
          w0 = w0.lanewise(VectorOperators.LSHL, 4);
          w1 = w1.lanewise(VectorOperators.LSHL, 4);
          w2 = w2.lanewise(VectorOperators.LSHL, 4);
          w3 = w3.lanewise(VectorOperators.LSHL, 4);
        }
      }
      y0 = s0.fma(FloatVector.fromArray(FLOATS, scales, scaleAt).mul(factor), y0);
      y1 = s1.fma(FloatVector.fromArray(FLOATS, scales, scaleAt + LANES).mul(factor), y1);
      y2 = s2.fma(FloatVector.fromArray(FLOATS, scales, scaleAt + 2 * LANES).mul(factor), y2);
      y3 = s3.fma(FloatVector.fromArray(FLOATS, scales, scaleAt + 3 * LANES).mul(factor), y3);
      scaleAt += BLOCKS * LANES;
    }
    y0.intoArray(y, 0);
    y1.intoArray(y, LANES);
    y2.intoArray(y, 2 * LANES);
    y3.intoArray(y, 3 * LANES);
  }

  @Override
  public void shortFields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      int[] pairs,
      float[] y) {
    VectorShorts.fields(plane, tile, scales, groups, words, factor, pairs, y);
  }

  @Override
  public void shortTables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      short[] tables,
      float[] y) {
    VectorShorts.tables(plane, tile, scales, groups, words, factor, tables, y);
  }

  @Override
  public void decode(
      Plane plane,
      int tile,
      int word,
      int words,
      float[] scales,
      int scaleAt,
      float factor,
      boolean add,
      float[] out) {
    MemorySegment memory = plane.words();
    int bits = plane.bits();
    int unused = Integer.SIZE - bits;
    int perWord = Integer.SIZE / bits;
    for (int k = 0; k < BLOCKS; k++) {
      FloatVector scale = FloatVector.fromArray(FLOATS, scales, scaleAt + k * LANES).mul(factor);
      long at = plane.address((long) tile * BLOCKS + k, word);
      int to = k * LANES;
      for (int i = 0; i < words; i++) {
        IntVector w = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
        at += (long) LANES * Integer.BYTES;
        for (int f = 0; f < perWord; f++) {
          IntVector c = w.lanewise(VectorOperators.ASHR, unused);
          FloatVector value = ((FloatVector) c.convert(VectorOperators.I2F, 0)).mul(scale);
          if (add) {
            value = value.add(FloatVector.fromArray(FLOATS, out, to));
          }
          value.intoArray(out, to);
          w = w.lanewise(VectorOperators.LSHL, bits);
          to += BLOCKS * LANES;
        }
      }
    }
  }

  @Override
  public void dense(
      MemorySegment weights,
      long offset,
      int columns,
      float[] x,
      int xAt,
      int xStride,
      int tokens,
      float[] y) {
    int token = 0;
    for (; token + 4 <= tokens; token += 4) {
      denseFour(weights, offset, columns, x, xAt + token * xStride, xStride, y, token);
    }
    for (; token < tokens; token++) {
      denseOne(weights, offset, columns, x, xAt + token * xStride, y, token);
    }
  }

  private static void denseOne(
      MemorySegment weights, long offset, int columns, float[] x, int xAt, float[] y, int token) {
    int yAt = token * BLOCKS * LANES;
    long step = (long) LANES * Float.BYTES;
    FloatVector y0 = FloatVector.fromArray(FLOATS, y, yAt);
    FloatVector y1 = FloatVector.fromArray(FLOATS, y, yAt + LANES);
    FloatVector y2 = FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES);
    long at = offset;
    for (int i = 0; i < columns; i++) {
      FloatVector v = FloatVector.broadcast(FLOATS, x[xAt + i]);
      y0 = FloatVector.fromMemorySegment(FLOATS, weights, at, ORDER).fma(v, y0);
      y1 = FloatVector.fromMemorySegment(FLOATS, weights, at + step, ORDER).fma(v, y1);
      y2 = FloatVector.fromMemorySegment(FLOATS, weights, at + 2 * step, ORDER).fma(v, y2);
      y3 = FloatVector.fromMemorySegment(FLOATS, weights, at + 3 * step, ORDER).fma(v, y3);
      at += 4 * step;
    }
    y0.intoArray(y, yAt);
    y1.intoArray(y, yAt + LANES);
    y2.intoArray(y, yAt + 2 * LANES);
    y3.intoArray(y, yAt + 3 * LANES);
  }

  /** Four tokens of all four row blocks, two row blocks at a time. */
  private static void denseFour(
      MemorySegment weights,
      long offset,
      int columns,
      float[] x,
      int xAt,
      int xStride,
      float[] y,
      int token) {
    long step = (long) LANES * Float.BYTES;
    int rows = BLOCKS * LANES;
    for (int k = 0; k < BLOCKS; k += 2) {
      int yAt = token * rows + k * LANES;
      FloatVector y00 = FloatVector.fromArray(FLOATS, y, yAt);
      FloatVector y01 = FloatVector.fromArray(FLOATS, y, yAt + LANES);
      FloatVector y10 = FloatVector.fromArray(FLOATS, y, yAt + rows);
      FloatVector y11 = FloatVector.fromArray(FLOATS, y, yAt + rows + LANES);
      FloatVector y20 = FloatVector.fromArray(FLOATS, y, yAt + 2 * rows);
      FloatVector y21 = FloatVector.fromArray(FLOATS, y, yAt + 2 * rows + LANES);
      FloatVector y30 = FloatVector.fromArray(FLOATS, y, yAt + 3 * rows);
      FloatVector y31 = FloatVector.fromArray(FLOATS, y, yAt + 3 * rows + LANES);
      long at = offset + k * step;
      for (int i = xAt; i < xAt + columns; i++) {
        FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, weights, at, ORDER);
        FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, weights, at + step, ORDER);
        at += BLOCKS * step;
        FloatVector v0 = FloatVector.broadcast(FLOATS, x[i]);
        y00 = w0.fma(v0, y00);
        y01 = w1.fma(v0, y01);
        FloatVector v1 = FloatVector.broadcast(FLOATS, x[i + xStride]);
        y10 = w0.fma(v1, y10);
        y11 = w1.fma(v1, y11);
        FloatVector v2 = FloatVector.broadcast(FLOATS, x[i + 2 * xStride]);
        y20 = w0.fma(v2, y20);
        y21 = w1.fma(v2, y21);
        FloatVector v3 = FloatVector.broadcast(FLOATS, x[i + 3 * xStride]);
        y30 = w0.fma(v3, y30);
        y31 = w1.fma(v3, y31);
      }
      y00.intoArray(y, yAt);
      y01.intoArray(y, yAt + LANES);
      y10.intoArray(y, yAt + rows);
      y11.intoArray(y, yAt + rows + LANES);
      y20.intoArray(y, yAt + 2 * rows);
      y21.intoArray(y, yAt + 2 * rows + LANES);
      y30.intoArray(y, yAt + 3 * rows);
      y31.intoArray(y, yAt + 3 * rows + LANES);
    }
  }

  @Override
  public float dot(float[] a, int aAt, float[] b, int bAt, int length) {
    FloatVector sum = FloatVector.zero(FLOATS);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, a, aAt + i);
      sum = v.fma(FloatVector.fromArray(FLOATS, b, bAt + i), sum);
    }
    float total = sum.reduceLanes(VectorOperators.ADD);
    for (; i < length; i++) {
      total += a[aAt + i] * b[bAt + i];
    }
    return total;
  }

  @Override
  public void addScaled(float factor, float[] x, int xAt, float[] y, int yAt, int length) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, xAt + i);
      v.mul(factor).add(FloatVector.fromArray(FLOATS, y, yAt + i)).intoArray(y, yAt + i);
    }
    for (; i < length; i++) {
      y[yAt + i] += factor * x[xAt + i];
    }
  }
}

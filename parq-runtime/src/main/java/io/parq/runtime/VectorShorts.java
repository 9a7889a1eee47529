package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
import static io.parq.runtime.MatrixKernels.TABLE;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of small whole numbers: a word is taken as two halves of 16 bits, in which products are
 * summed as long as they fit, and widened then.
 */
final class VectorShorts {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** In the upper halves of words: the upper halves of tables. */
  private static final int UPPER_TABLE = TABLE << Short.SIZE;

  private VectorShorts() {}

  /** {@link MatrixKernels#shortFields}. */
  static void fields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      int[] pairs,
      float[] y) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    int bits = plane.bits();
    int chunk = MatrixKernels.wordsInShorts(bits);
    long at = plane.address((long) tile * BLOCKS, 0);
    int scaleAt = tile * groups * BLOCKS * LANES;
    int next = 0;
    FloatVector y0 = FloatVector.fromArray(FLOATS, y, 0);
    FloatVector y1 = FloatVector.fromArray(FLOATS, y, LANES);
    FloatVector y2 = FloatVector.fromArray(FLOATS, y, 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(FLOATS, y, 3 * LANES);
    int unused = Short.SIZE - bits;
    int half = Short.SIZE / bits;
    for (int g = 0; g < groups; g++) {
      IntVector s0 = IntVector.zero(INTS);
      IntVector s1 = IntVector.zero(INTS);
      IntVector s2 = IntVector.zero(INTS);
      IntVector s3 = IntVector.zero(INTS);
      for (int from = 0; from < words; from += chunk) {
        ShortVector p0 = ShortVector.zero(SHORTS);
        ShortVector p1 = ShortVector.zero(SHORTS);
        ShortVector p2 = ShortVector.zero(SHORTS);
        ShortVector p3 = ShortVector.zero(SHORTS);
        for (int word = from; word < Math.min(words, from + chunk); word++) {
          IntVector i0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
          IntVector i1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
          IntVector i2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
          IntVector i3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
          ShortVector w0 = i0.reinterpretAsShorts();
          ShortVector w1 = i1.reinterpretAsShorts();
          ShortVector w2 = i2.reinterpretAsShorts();
          ShortVector w3 = i3.reinterpretAsShorts();
          at += (long) LANES * Integer.BYTES;
          for (int f = 0; f < half; f++) {
            ShortVector v = IntVector.broadcast(INTS, pairs[next++]).reinterpretAsShorts();
            p0 = p0.add(w0.lanewise(VectorOperators.ASHR, unused).mul(v));
            p1 = p1.add(w1.lanewise(VectorOperators.ASHR, unused).mul(v));
            p2 = p2.add(w2.lanewise(VectorOperators.ASHR, unused).mul(v));
            p3 = p3.add(w3.lanewise(VectorOperators.ASHR, unused).mul(v));
            w0 = w0.lanewise(VectorOperators.LSHL, bits);
            w1 = w1.lanewise(VectorOperators.LSHL, bits);
            w2 = w2.lanewise(VectorOperators.LSHL, bits);
            w3 = w3.lanewise(VectorOperators.LSHL, bits);
          }
        }
        IntVector h0 = p0.reinterpretAsInts();
        IntVector l0 = h0.lanewise(VectorOperators.LSHL, 16);
        s0 = s0.add(h0.lanewise(VectorOperators.ASHR, 16));
        s0 = s0.add(l0.lanewise(VectorOperators.ASHR, 16));
        IntVector h1 = p1.reinterpretAsInts();
        IntVector l1 = h1.lanewise(VectorOperators.LSHL, 16);
        s1 = s1.add(h1.lanewise(VectorOperators.ASHR, 16));
        s1 = s1.add(l1.lanewise(VectorOperators.ASHR, 16));
        IntVector h2 = p2.reinterpretAsInts();
        IntVector l2 = h2.lanewise(VectorOperators.LSHL, 16);
        s2 = s2.add(h2.lanewise(VectorOperators.ASHR, 16));
        s2 = s2.add(l2.lanewise(VectorOperators.ASHR, 16));
        IntVector h3 = p3.reinterpretAsInts();
        IntVector l3 = h3.lanewise(VectorOperators.LSHL, 16);
        s3 = s3.add(h3.lanewise(VectorOperators.ASHR, 16));
        s3 = s3.add(l3.lanewise(VectorOperators.ASHR, 16));
      }
      FloatVector f0 = FloatVector.fromArray(FLOATS, scales, scaleAt).mul(factor);
      y0 = ((FloatVector) s0.convert(VectorOperators.I2F, 0)).fma(f0, y0);
      FloatVector f1 = FloatVector.fromArray(FLOATS, scales, scaleAt + LANES).mul(factor);
      y1 = ((FloatVector) s1.convert(VectorOperators.I2F, 0)).fma(f1, y1);
      FloatVector f2 = FloatVector.fromArray(FLOATS, scales, scaleAt + 2 * LANES).mul(factor);
      y2 = ((FloatVector) s2.convert(VectorOperators.I2F, 0)).fma(f2, y2);
      FloatVector f3 = FloatVector.fromArray(FLOATS, scales, scaleAt + 3 * LANES).mul(factor);
      y3 = ((FloatVector) s3.convert(VectorOperators.I2F, 0)).fma(f3, y3);
      scaleAt += BLOCKS * LANES;
    }
    y0.intoArray(y, 0);
    y1.intoArray(y, LANES);
    y2.intoArray(y, 2 * LANES);
    y3.intoArray(y, 3 * LANES);
  }

  /** {@link MatrixKernels#shortTables}. */
  static void tables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      short[] tables,
      float[] y) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    int chunk = MatrixKernels.wordsInShorts(plane.bits());
    long at = plane.address((long) tile * BLOCKS, 0);
    int scaleAt = tile * groups * BLOCKS * LANES;
    int next = 0;
    FloatVector y0 = FloatVector.fromArray(FLOATS, y, 0);
    FloatVector y1 = FloatVector.fromArray(FLOATS, y, LANES);
    FloatVector y2 = FloatVector.fromArray(FLOATS, y, 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(FLOATS, y, 3 * LANES);
    ShortVector upper = IntVector.broadcast(INTS, UPPER_TABLE).reinterpretAsShorts();
    for (int g = 0; g < groups; g++) {
      IntVector s0 = IntVector.zero(INTS);
      IntVector s1 = IntVector.zero(INTS);
      IntVector s2 = IntVector.zero(INTS);
      IntVector s3 = IntVector.zero(INTS);
      for (int from = 0; from < words; from += chunk) {
        ShortVector p0 = ShortVector.zero(SHORTS);
        ShortVector p1 = ShortVector.zero(SHORTS);
        ShortVector p2 = ShortVector.zero(SHORTS);
        ShortVector p3 = ShortVector.zero(SHORTS);
        for (int word = from; word < Math.min(words, from + chunk); word++) {
          IntVector i0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
          IntVector i1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
          IntVector i2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
          IntVector i3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
          ShortVector w0 = i0.reinterpretAsShorts();
          ShortVector w1 = i1.reinterpretAsShorts();
          ShortVector w2 = i2.reinterpretAsShorts();
          ShortVector w3 = i3.reinterpretAsShorts();
          at += (long) LANES * Integer.BYTES;
          for (int f = 0; f < 4; f++) {
            ShortVector t = ShortVector.fromArray(SHORTS, tables, next);
            next += 2 * TABLE;
            p0 = p0.add(w0.lanewise(VectorOperators.LSHR, 12).or(upper).selectFrom(t));
            p1 = p1.add(w1.lanewise(VectorOperators.LSHR, 12).or(upper).selectFrom(t));
            p2 = p2.add(w2.lanewise(VectorOperators.LSHR, 12).or(upper).selectFrom(t));
            p3 = p3.add(w3.lanewise(VectorOperators.LSHR, 12).or(upper).selectFrom(t));
            w0 = w0.lanewise(VectorOperators.LSHL, 4);
            w1 = w1.lanewise(VectorOperators.LSHL, 4);
            w2 = w2.lanewise(VectorOperators.LSHL, 4);
            w3 = w3.lanewise(VectorOperators.LSHL, 4);
          }
        }
        IntVector h0 = p0.reinterpretAsInts();
        IntVector l0 = h0.lanewise(VectorOperators.LSHL, 16);
        s0 = s0.add(h0.lanewise(VectorOperators.ASHR, 16));
        s0 = s0.add(l0.lanewise(VectorOperators.ASHR, 16));
        IntVector h1 = p1.reinterpretAsInts();
        IntVector l1 = h1.lanewise(VectorOperators.LSHL, 16);
        s1 = s1.add(h1.lanewise(VectorOperators.ASHR, 16));
        s1 = s1.add(l1.lanewise(VectorOperators.ASHR, 16));
        IntVector h2 = p2.reinterpretAsInts();
        IntVector l2 = h2.lanewise(VectorOperators.LSHL, 16);
        s2 = s2.add(h2.lanewise(VectorOperators.ASHR, 16));
        s2 = s2.add(l2.lanewise(VectorOperators.ASHR, 16));
        IntVector h3 = p3.reinterpretAsInts();
        IntVector l3 = h3.lanewise(VectorOperators.LSHL, 16);
        s3 = s3.add(h3.lanewise(VectorOperators.ASHR, 16));
        s3 = s3.add(l3.lanewise(VectorOperators.ASHR, 16));
      }
      FloatVector f0 = FloatVector.fromArray(FLOATS, scales, scaleAt).mul(factor);
      y0 = ((FloatVector) s0.convert(VectorOperators.I2F, 0)).fma(f0, y0);
      FloatVector f1 = FloatVector.fromArray(FLOATS, scales, scaleAt + LANES).mul(factor);
      y1 = ((FloatVector) s1.convert(VectorOperators.I2F, 0)).fma(f1, y1);
      FloatVector f2 = FloatVector.fromArray(FLOATS, scales, scaleAt + 2 * LANES).mul(factor);
      y2 = ((FloatVector) s2.convert(VectorOperators.I2F, 0)).fma(f2, y2);
      FloatVector f3 = FloatVector.fromArray(FLOATS, scales, scaleAt + 3 * LANES).mul(factor);
      y3 = ((FloatVector) s3.convert(VectorOperators.I2F, 0)).fma(f3, y3);
      scaleAt += BLOCKS * LANES;
    }
    y0.intoArray(y, 0);
    y1.intoArray(y, LANES);
    y2.intoArray(y, 2 * LANES);
    y3.intoArray(y, 3 * LANES);
  }
}

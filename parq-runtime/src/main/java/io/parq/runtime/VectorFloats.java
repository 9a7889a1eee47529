package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;

import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of packed fields with floats. Vectors are never handed from method to method, and loops
 * are not unrolled by hand but for the four row blocks, whose first and second halves are a and b:
 * what the compiler does not inline, for there is too much of it, would allocate vectors.
 */
final class VectorFloats {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;
  private static final int ONE = Float.floatToRawIntBits(1f);

  /** Bits of a fraction. */
  private static final int FRACTION = 23;

  private VectorFloats() {}

  /** Fields that are set into the highest bits of a fraction: {@code 1 + field / 2^bits}. */
  static void fields(
      Plane plane, int tile, Scales scales, Operand.Floats operand, float[] y, int yAt) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    long at = plane.address((long) tile * BLOCKS, 0);
    MemorySegment factors = scales.values();
    long block = scales.blockBytes();
    int second = scales.brief() ? 0 : BYTES;
    int shift = scales.brief() ? Short.SIZE : 0;
    IntVector upper = IntVector.broadcast(INTS, scales.brief() ? UPPER : -1);
    long scaleAt = scales.address(tile, 0);
    FloatVector ya0 = FloatVector.fromArray(FLOATS, y, yAt);
    FloatVector yb0 = FloatVector.fromArray(FLOATS, y, yAt + LANES);
    FloatVector ya1 = FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES);
    FloatVector yb1 = FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES);
    FloatVector ya2 = FloatVector.fromArray(FLOATS, y, yAt + 4 * LANES);
    FloatVector yb2 = FloatVector.fromArray(FLOATS, y, yAt + 5 * LANES);
    FloatVector ya3 = FloatVector.fromArray(FLOATS, y, yAt + 6 * LANES);
    FloatVector yb3 = FloatVector.fromArray(FLOATS, y, yAt + 7 * LANES);
    float[] x = operand.x();
    float[] starts = operand.starts();
    int bits = plane.bits();
    float factor = 1 << bits;
    int groups = operand.kind().groups();
    int units = operand.kind().units();
    int first = FRACTION - bits;
    int last = first - Short.SIZE;
    IntVector mask = IntVector.broadcast(INTS, ((1 << bits) - 1) << first);
    IntVector one = IntVector.broadcast(INTS, ONE);
    int column = 0;
    int unit = 0;
    for (int g = 0; g < groups; g++) {
      FloatVector a0 = FloatVector.zero(FLOATS);
      FloatVector a1 = FloatVector.zero(FLOATS);
      FloatVector a2 = FloatVector.zero(FLOATS);
      FloatVector a3 = FloatVector.zero(FLOATS);
      FloatVector b0 = FloatVector.zero(FLOATS);
      FloatVector b1 = FloatVector.zero(FLOATS);
      FloatVector b2 = FloatVector.zero(FLOATS);
      FloatVector b3 = FloatVector.zero(FLOATS);
      for (int u = 0; u < units; u++) {
        FloatVector start = FloatVector.broadcast(FLOATS, starts[unit++]);
        a0 = a0.add(start);
        a1 = a1.add(start);
        a2 = a2.add(start);
        a3 = a3.add(start);
        b0 = b0.add(start);
        b1 = b1.add(start);
        b2 = b2.add(start);
        b3 = b3.add(start);
        for (int step = 0; step < bits; step++) {
          IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
          IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
          IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
          IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
          IntVector h0 = w0.lanewise(VectorOperators.LSHR, 16);
          IntVector h1 = w1.lanewise(VectorOperators.LSHR, 16);
          IntVector h2 = w2.lanewise(VectorOperators.LSHR, 16);
          IntVector h3 = w3.lanewise(VectorOperators.LSHR, 16);
          at += BYTES;
          for (int to = first; to > last; to -= bits) {
            FloatVector v = FloatVector.broadcast(FLOATS, x[column++]);
            IntVector aw0 = w0.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            a0 = aw0.reinterpretAsFloats().fma(v, a0);
            IntVector aw1 = w1.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            a1 = aw1.reinterpretAsFloats().fma(v, a1);
            IntVector aw2 = w2.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            a2 = aw2.reinterpretAsFloats().fma(v, a2);
            IntVector aw3 = w3.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            a3 = aw3.reinterpretAsFloats().fma(v, a3);
            IntVector bw0 = h0.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            b0 = bw0.reinterpretAsFloats().fma(v, b0);
            IntVector bw1 = h1.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            b1 = bw1.reinterpretAsFloats().fma(v, b1);
            IntVector bw2 = h2.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            b2 = bw2.reinterpretAsFloats().fma(v, b2);
            IntVector bw3 = h3.lanewise(VectorOperators.LSHL, to).and(mask).or(one);
            b3 = bw3.reinterpretAsFloats().fma(v, b3);
          }
        }
      }
      IntVector f0 = IntVector.fromMemorySegment(INTS, factors, scaleAt, ORDER);
      IntVector g0 = IntVector.fromMemorySegment(INTS, factors, scaleAt + second, ORDER);
      FloatVector fa0 = f0.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb0 = g0.and(upper).reinterpretAsFloats();
      ya0 = a0.mul(factor).fma(fa0, ya0);
      yb0 = b0.mul(factor).fma(fb0, yb0);
      IntVector f1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block, ORDER);
      IntVector g1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block + second, ORDER);
      FloatVector fa1 = f1.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb1 = g1.and(upper).reinterpretAsFloats();
      ya1 = a1.mul(factor).fma(fa1, ya1);
      yb1 = b1.mul(factor).fma(fb1, yb1);
      IntVector f2 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block, ORDER);
      IntVector g2 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block + second, ORDER);
      FloatVector fa2 = f2.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb2 = g2.and(upper).reinterpretAsFloats();
      ya2 = a2.mul(factor).fma(fa2, ya2);
      yb2 = b2.mul(factor).fma(fb2, yb2);
      IntVector f3 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block, ORDER);
      IntVector g3 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block + second, ORDER);
      FloatVector fa3 = f3.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb3 = g3.and(upper).reinterpretAsFloats();
      ya3 = a3.mul(factor).fma(fa3, ya3);
      yb3 = b3.mul(factor).fma(fb3, yb3);
      scaleAt += 4 * block;
    }
    ya0.intoArray(y, yAt);
    yb0.intoArray(y, yAt + LANES);
    ya1.intoArray(y, yAt + 2 * LANES);
    yb1.intoArray(y, yAt + 3 * LANES);
    ya2.intoArray(y, yAt + 4 * LANES);
    yb2.intoArray(y, yAt + 5 * LANES);
    ya3.intoArray(y, yAt + 6 * LANES);
    yb3.intoArray(y, yAt + 7 * LANES);
  }

  /** Up to 3 bits: four bits at a time are looked up in tables of sums. */
  static void tables(
      Plane plane, int tile, Scales scales, Operand.FloatTables operand, float[] y, int yAt) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    long at = plane.address((long) tile * BLOCKS, 0);
    MemorySegment factors = scales.values();
    long block = scales.blockBytes();
    int second = scales.brief() ? 0 : BYTES;
    int shift = scales.brief() ? Short.SIZE : 0;
    IntVector upper = IntVector.broadcast(INTS, scales.brief() ? UPPER : -1);
    long scaleAt = scales.address(tile, 0);
    FloatVector ya0 = FloatVector.fromArray(FLOATS, y, yAt);
    FloatVector yb0 = FloatVector.fromArray(FLOATS, y, yAt + LANES);
    FloatVector ya1 = FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES);
    FloatVector yb1 = FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES);
    FloatVector ya2 = FloatVector.fromArray(FLOATS, y, yAt + 4 * LANES);
    FloatVector yb2 = FloatVector.fromArray(FLOATS, y, yAt + 5 * LANES);
    FloatVector ya3 = FloatVector.fromArray(FLOATS, y, yAt + 6 * LANES);
    FloatVector yb3 = FloatVector.fromArray(FLOATS, y, yAt + 7 * LANES);
    float[] tables = operand.tables();
    int groups = operand.kind().groups();
    int steps = operand.kind().units() * plane.bits();
    int next = 0;
    for (int g = 0; g < groups; g++) {
      FloatVector a0 = FloatVector.zero(FLOATS);
      FloatVector a1 = FloatVector.zero(FLOATS);
      FloatVector a2 = FloatVector.zero(FLOATS);
      FloatVector a3 = FloatVector.zero(FLOATS);
      FloatVector b0 = FloatVector.zero(FLOATS);
      FloatVector b1 = FloatVector.zero(FLOATS);
      FloatVector b2 = FloatVector.zero(FLOATS);
      FloatVector b3 = FloatVector.zero(FLOATS);
      for (int step = 0; step < steps; step++) {
        IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
        IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
        IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
        IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
        IntVector h0 = w0.lanewise(VectorOperators.LSHR, 16);
        IntVector h1 = w1.lanewise(VectorOperators.LSHR, 16);
        IntVector h2 = w2.lanewise(VectorOperators.LSHR, 16);
        IntVector h3 = w3.lanewise(VectorOperators.LSHR, 16);
        at += BYTES;
        for (int from = 0; from < Short.SIZE; from += 4) {
          IntVector t = FloatVector.fromArray(FLOATS, tables, next).reinterpretAsInts();
          next += LANES;
          IntVector aw0 = w0.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a0 = a0.add(aw0.reinterpretAsFloats());
          IntVector aw1 = w1.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a1 = a1.add(aw1.reinterpretAsFloats());
          IntVector aw2 = w2.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a2 = a2.add(aw2.reinterpretAsFloats());
          IntVector aw3 = w3.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a3 = a3.add(aw3.reinterpretAsFloats());
          IntVector bw0 = h0.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b0 = b0.add(bw0.reinterpretAsFloats());
          IntVector bw1 = h1.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b1 = b1.add(bw1.reinterpretAsFloats());
          IntVector bw2 = h2.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b2 = b2.add(bw2.reinterpretAsFloats());
          IntVector bw3 = h3.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b3 = b3.add(bw3.reinterpretAsFloats());
        }
      }
      IntVector f0 = IntVector.fromMemorySegment(INTS, factors, scaleAt, ORDER);
      IntVector g0 = IntVector.fromMemorySegment(INTS, factors, scaleAt + second, ORDER);
      FloatVector fa0 = f0.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb0 = g0.and(upper).reinterpretAsFloats();
      ya0 = a0.fma(fa0, ya0);
      yb0 = b0.fma(fb0, yb0);
      IntVector f1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block, ORDER);
      IntVector g1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block + second, ORDER);
      FloatVector fa1 = f1.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb1 = g1.and(upper).reinterpretAsFloats();
      ya1 = a1.fma(fa1, ya1);
      yb1 = b1.fma(fb1, yb1);
      IntVector f2 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block, ORDER);
      IntVector g2 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block + second, ORDER);
      FloatVector fa2 = f2.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb2 = g2.and(upper).reinterpretAsFloats();
      ya2 = a2.fma(fa2, ya2);
      yb2 = b2.fma(fb2, yb2);
      IntVector f3 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block, ORDER);
      IntVector g3 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block + second, ORDER);
      FloatVector fa3 = f3.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb3 = g3.and(upper).reinterpretAsFloats();
      ya3 = a3.fma(fa3, ya3);
      yb3 = b3.fma(fb3, yb3);
      scaleAt += 4 * block;
    }
    ya0.intoArray(y, yAt);
    yb0.intoArray(y, yAt + LANES);
    ya1.intoArray(y, yAt + 2 * LANES);
    yb1.intoArray(y, yAt + 3 * LANES);
    ya2.intoArray(y, yAt + 4 * LANES);
    yb2.intoArray(y, yAt + 5 * LANES);
    ya3.intoArray(y, yAt + 6 * LANES);
    yb3.intoArray(y, yAt + 7 * LANES);
  }

  /** Fields of 4 bits that stand for one of 16 levels. */
  static void levels(
      Plane plane,
      int tile,
      Scales scales,
      Kind kind,
      float[] levels,
      float[] x,
      float[] y,
      int yAt) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    long at = plane.address((long) tile * BLOCKS, 0);
    MemorySegment factors = scales.values();
    long block = scales.blockBytes();
    int second = scales.brief() ? 0 : BYTES;
    int shift = scales.brief() ? Short.SIZE : 0;
    IntVector upper = IntVector.broadcast(INTS, scales.brief() ? UPPER : -1);
    long scaleAt = scales.address(tile, 0);
    FloatVector ya0 = FloatVector.fromArray(FLOATS, y, yAt);
    FloatVector yb0 = FloatVector.fromArray(FLOATS, y, yAt + LANES);
    FloatVector ya1 = FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES);
    FloatVector yb1 = FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES);
    FloatVector ya2 = FloatVector.fromArray(FLOATS, y, yAt + 4 * LANES);
    FloatVector yb2 = FloatVector.fromArray(FLOATS, y, yAt + 5 * LANES);
    FloatVector ya3 = FloatVector.fromArray(FLOATS, y, yAt + 6 * LANES);
    FloatVector yb3 = FloatVector.fromArray(FLOATS, y, yAt + 7 * LANES);
    IntVector t = FloatVector.fromArray(FLOATS, levels, 0).reinterpretAsInts();
    int groups = kind.groups();
    int steps = kind.units() * plane.bits();
    int column = 0;
    for (int g = 0; g < groups; g++) {
      FloatVector a0 = FloatVector.zero(FLOATS);
      FloatVector a1 = FloatVector.zero(FLOATS);
      FloatVector a2 = FloatVector.zero(FLOATS);
      FloatVector a3 = FloatVector.zero(FLOATS);
      FloatVector b0 = FloatVector.zero(FLOATS);
      FloatVector b1 = FloatVector.zero(FLOATS);
      FloatVector b2 = FloatVector.zero(FLOATS);
      FloatVector b3 = FloatVector.zero(FLOATS);
      for (int step = 0; step < steps; step++) {
        IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
        IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
        IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
        IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
        IntVector h0 = w0.lanewise(VectorOperators.LSHR, 16);
        IntVector h1 = w1.lanewise(VectorOperators.LSHR, 16);
        IntVector h2 = w2.lanewise(VectorOperators.LSHR, 16);
        IntVector h3 = w3.lanewise(VectorOperators.LSHR, 16);
        at += BYTES;
        for (int from = 0; from < Short.SIZE; from += 4) {
          FloatVector v = FloatVector.broadcast(FLOATS, x[column++]);
          IntVector aw0 = w0.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a0 = aw0.reinterpretAsFloats().fma(v, a0);
          IntVector aw1 = w1.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a1 = aw1.reinterpretAsFloats().fma(v, a1);
          IntVector aw2 = w2.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a2 = aw2.reinterpretAsFloats().fma(v, a2);
          IntVector aw3 = w3.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          a3 = aw3.reinterpretAsFloats().fma(v, a3);
          IntVector bw0 = h0.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b0 = bw0.reinterpretAsFloats().fma(v, b0);
          IntVector bw1 = h1.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b1 = bw1.reinterpretAsFloats().fma(v, b1);
          IntVector bw2 = h2.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b2 = bw2.reinterpretAsFloats().fma(v, b2);
          IntVector bw3 = h3.lanewise(VectorOperators.LSHR, from).selectFrom(t);
          b3 = bw3.reinterpretAsFloats().fma(v, b3);
        }
      }
      IntVector f0 = IntVector.fromMemorySegment(INTS, factors, scaleAt, ORDER);
      IntVector g0 = IntVector.fromMemorySegment(INTS, factors, scaleAt + second, ORDER);
      FloatVector fa0 = f0.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb0 = g0.and(upper).reinterpretAsFloats();
      ya0 = a0.fma(fa0, ya0);
      yb0 = b0.fma(fb0, yb0);
      IntVector f1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block, ORDER);
      IntVector g1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block + second, ORDER);
      FloatVector fa1 = f1.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb1 = g1.and(upper).reinterpretAsFloats();
      ya1 = a1.fma(fa1, ya1);
      yb1 = b1.fma(fb1, yb1);
      IntVector f2 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block, ORDER);
      IntVector g2 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block + second, ORDER);
      FloatVector fa2 = f2.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb2 = g2.and(upper).reinterpretAsFloats();
      ya2 = a2.fma(fa2, ya2);
      yb2 = b2.fma(fb2, yb2);
      IntVector f3 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block, ORDER);
      IntVector g3 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block + second, ORDER);
      FloatVector fa3 = f3.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb3 = g3.and(upper).reinterpretAsFloats();
      ya3 = a3.fma(fa3, ya3);
      yb3 = b3.fma(fb3, yb3);
      scaleAt += 4 * block;
    }
    ya0.intoArray(y, yAt);
    yb0.intoArray(y, yAt + LANES);
    ya1.intoArray(y, yAt + 2 * LANES);
    yb1.intoArray(y, yAt + 3 * LANES);
    ya2.intoArray(y, yAt + 4 * LANES);
    yb2.intoArray(y, yAt + 5 * LANES);
    ya3.intoArray(y, yAt + 6 * LANES);
    yb3.intoArray(y, yAt + 7 * LANES);
  }
}

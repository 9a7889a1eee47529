package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of packed fields with whole numbers: summed in 16 bits as long as they fit, and widened
 * then. Written as {@link VectorFloats} is.
 */
final class VectorShorts {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;

  private VectorShorts() {}

  /** Fields as they are. */
  static void fields(
      Plane plane, int tile, Scales scales, Operand.Shorts operand, float[] y, int yAt) {
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
    int[] x = operand.x();
    int[] starts = operand.starts();
    float[] offsets = operand.offsets();
    float factor = operand.factor();
    int bits = plane.bits();
    int groups = operand.kind().groups();
    int units = operand.kind().units();
    ShortVector mask = ShortVector.broadcast(SHORTS, (1 << bits) - 1);
    int column = 0;
    int unit = 0;
    for (int g = 0; g < groups; g++) {
      IntVector a0 = IntVector.zero(INTS);
      IntVector a1 = IntVector.zero(INTS);
      IntVector a2 = IntVector.zero(INTS);
      IntVector a3 = IntVector.zero(INTS);
      IntVector b0 = IntVector.zero(INTS);
      IntVector b1 = IntVector.zero(INTS);
      IntVector b2 = IntVector.zero(INTS);
      IntVector b3 = IntVector.zero(INTS);
      for (int u = 0; u < units; u++) {
        ShortVector start = IntVector.broadcast(INTS, starts[unit++]).reinterpretAsShorts();
        ShortVector p0 = start;
        ShortVector p1 = start;
        ShortVector p2 = start;
        ShortVector p3 = start;
        for (int step = 0; step < bits; step++) {
          ShortVector w0 =
              IntVector.fromMemorySegment(INTS, memory, at, ORDER).reinterpretAsShorts();
          ShortVector w1 =
              IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER).reinterpretAsShorts();
          ShortVector w2 =
              IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER)
                  .reinterpretAsShorts();
          ShortVector w3 =
              IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER)
                  .reinterpretAsShorts();
          at += BYTES;
          for (int from = 0; from < Short.SIZE; from += bits) {
            ShortVector v = IntVector.broadcast(INTS, x[column++]).reinterpretAsShorts();
            p0 = p0.add(w0.lanewise(VectorOperators.LSHR, from).and(mask).mul(v));
            p1 = p1.add(w1.lanewise(VectorOperators.LSHR, from).and(mask).mul(v));
            p2 = p2.add(w2.lanewise(VectorOperators.LSHR, from).and(mask).mul(v));
            p3 = p3.add(w3.lanewise(VectorOperators.LSHR, from).and(mask).mul(v));
          }
        }
        IntVector i0 = p0.reinterpretAsInts();
        IntVector l0 = i0.lanewise(VectorOperators.LSHL, 16);
        a0 = a0.add(l0.lanewise(VectorOperators.ASHR, 16));
        b0 = b0.add(i0.lanewise(VectorOperators.ASHR, 16));
        IntVector i1 = p1.reinterpretAsInts();
        IntVector l1 = i1.lanewise(VectorOperators.LSHL, 16);
        a1 = a1.add(l1.lanewise(VectorOperators.ASHR, 16));
        b1 = b1.add(i1.lanewise(VectorOperators.ASHR, 16));
        IntVector i2 = p2.reinterpretAsInts();
        IntVector l2 = i2.lanewise(VectorOperators.LSHL, 16);
        a2 = a2.add(l2.lanewise(VectorOperators.ASHR, 16));
        b2 = b2.add(i2.lanewise(VectorOperators.ASHR, 16));
        IntVector i3 = p3.reinterpretAsInts();
        IntVector l3 = i3.lanewise(VectorOperators.LSHL, 16);
        a3 = a3.add(l3.lanewise(VectorOperators.ASHR, 16));
        b3 = b3.add(i3.lanewise(VectorOperators.ASHR, 16));
      }
      FloatVector offset = FloatVector.broadcast(FLOATS, offsets[g]);
      IntVector f0 = IntVector.fromMemorySegment(INTS, factors, scaleAt, ORDER);
      IntVector g0 = IntVector.fromMemorySegment(INTS, factors, scaleAt + second, ORDER);
      FloatVector fa0 = f0.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb0 = g0.and(upper).reinterpretAsFloats();
      ya0 =
          ((FloatVector) a0.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa0, ya0);
      yb0 =
          ((FloatVector) b0.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb0, yb0);
      IntVector f1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block, ORDER);
      IntVector g1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block + second, ORDER);
      FloatVector fa1 = f1.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb1 = g1.and(upper).reinterpretAsFloats();
      ya1 =
          ((FloatVector) a1.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa1, ya1);
      yb1 =
          ((FloatVector) b1.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb1, yb1);
      IntVector f2 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block, ORDER);
      IntVector g2 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block + second, ORDER);
      FloatVector fa2 = f2.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb2 = g2.and(upper).reinterpretAsFloats();
      ya2 =
          ((FloatVector) a2.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa2, ya2);
      yb2 =
          ((FloatVector) b2.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb2, yb2);
      IntVector f3 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block, ORDER);
      IntVector g3 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block + second, ORDER);
      FloatVector fa3 = f3.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb3 = g3.and(upper).reinterpretAsFloats();
      ya3 =
          ((FloatVector) a3.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa3, ya3);
      yb3 =
          ((FloatVector) b3.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb3, yb3);
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
      Plane plane, int tile, Scales scales, Operand.ShortTables operand, float[] y, int yAt) {
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
    short[] tables = operand.tables();
    float[] offsets = operand.offsets();
    float factor = operand.factor();
    int groups = operand.kind().groups();
    int steps = operand.kind().units() * plane.bits();
    int run = operand.kind().run() * plane.bits();
    int next = 0;
    for (int g = 0; g < groups; g++) {
      IntVector a0 = IntVector.zero(INTS);
      IntVector a1 = IntVector.zero(INTS);
      IntVector a2 = IntVector.zero(INTS);
      IntVector a3 = IntVector.zero(INTS);
      IntVector b0 = IntVector.zero(INTS);
      IntVector b1 = IntVector.zero(INTS);
      IntVector b2 = IntVector.zero(INTS);
      IntVector b3 = IntVector.zero(INTS);
      for (int done = 0; done < steps; done += run) {
        ShortVector p0 = ShortVector.zero(SHORTS);
        ShortVector p1 = ShortVector.zero(SHORTS);
        ShortVector p2 = ShortVector.zero(SHORTS);
        ShortVector p3 = ShortVector.zero(SHORTS);
        int end = Math.min(steps, done + run);
        for (int step = done; step < end; step++) {
          ShortVector w0 =
              IntVector.fromMemorySegment(INTS, memory, at, ORDER).reinterpretAsShorts();
          ShortVector w1 =
              IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER).reinterpretAsShorts();
          ShortVector w2 =
              IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER)
                  .reinterpretAsShorts();
          ShortVector w3 =
              IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER)
                  .reinterpretAsShorts();
          at += BYTES;
          for (int from = 0; from < Short.SIZE; from += 4) {
            ShortVector t = ShortVector.fromArray(SHORTS, tables, next);
            next += 2 * LANES;
            p0 = p0.add(w0.lanewise(VectorOperators.LSHR, from).selectFrom(t));
            p1 = p1.add(w1.lanewise(VectorOperators.LSHR, from).selectFrom(t));
            p2 = p2.add(w2.lanewise(VectorOperators.LSHR, from).selectFrom(t));
            p3 = p3.add(w3.lanewise(VectorOperators.LSHR, from).selectFrom(t));
          }
        }
        IntVector i0 = p0.reinterpretAsInts();
        IntVector l0 = i0.lanewise(VectorOperators.LSHL, 16);
        a0 = a0.add(l0.lanewise(VectorOperators.ASHR, 16));
        b0 = b0.add(i0.lanewise(VectorOperators.ASHR, 16));
        IntVector i1 = p1.reinterpretAsInts();
        IntVector l1 = i1.lanewise(VectorOperators.LSHL, 16);
        a1 = a1.add(l1.lanewise(VectorOperators.ASHR, 16));
        b1 = b1.add(i1.lanewise(VectorOperators.ASHR, 16));
        IntVector i2 = p2.reinterpretAsInts();
        IntVector l2 = i2.lanewise(VectorOperators.LSHL, 16);
        a2 = a2.add(l2.lanewise(VectorOperators.ASHR, 16));
        b2 = b2.add(i2.lanewise(VectorOperators.ASHR, 16));
        IntVector i3 = p3.reinterpretAsInts();
        IntVector l3 = i3.lanewise(VectorOperators.LSHL, 16);
        a3 = a3.add(l3.lanewise(VectorOperators.ASHR, 16));
        b3 = b3.add(i3.lanewise(VectorOperators.ASHR, 16));
      }
      FloatVector offset = FloatVector.broadcast(FLOATS, offsets[g]);
      IntVector f0 = IntVector.fromMemorySegment(INTS, factors, scaleAt, ORDER);
      IntVector g0 = IntVector.fromMemorySegment(INTS, factors, scaleAt + second, ORDER);
      FloatVector fa0 = f0.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb0 = g0.and(upper).reinterpretAsFloats();
      ya0 =
          ((FloatVector) a0.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa0, ya0);
      yb0 =
          ((FloatVector) b0.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb0, yb0);
      IntVector f1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block, ORDER);
      IntVector g1 = IntVector.fromMemorySegment(INTS, factors, scaleAt + block + second, ORDER);
      FloatVector fa1 = f1.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb1 = g1.and(upper).reinterpretAsFloats();
      ya1 =
          ((FloatVector) a1.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa1, ya1);
      yb1 =
          ((FloatVector) b1.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb1, yb1);
      IntVector f2 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block, ORDER);
      IntVector g2 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 2 * block + second, ORDER);
      FloatVector fa2 = f2.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb2 = g2.and(upper).reinterpretAsFloats();
      ya2 =
          ((FloatVector) a2.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa2, ya2);
      yb2 =
          ((FloatVector) b2.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb2, yb2);
      IntVector f3 = IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block, ORDER);
      IntVector g3 =
          IntVector.fromMemorySegment(INTS, factors, scaleAt + 3 * block + second, ORDER);
      FloatVector fa3 = f3.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb3 = g3.and(upper).reinterpretAsFloats();
      ya3 =
          ((FloatVector) a3.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fa3, ya3);
      yb3 =
          ((FloatVector) b3.convert(VectorOperators.I2F, 0)).add(offset).mul(factor).fma(fb3, yb3);
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

package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
import static io.parq.runtime.VectorKernels.WHOLE;
import static io.parq.runtime.VectorKernels.WHOLE_BITS;

import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of packed fields with whole numbers: summed in 16 bits over a run of columns where they
 * fit, and then added to floats. Written as {@link VectorFloats} is.
 */
final class VectorShorts {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int ROWS = 2 * LANES;
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;

  private VectorShorts() {}

  /** Fields as they are. */
  static void fields(Plane plane, int tile, Scales scales, Operand.Shorts x, float[] y, int yAt) {
    Kind kind = x.kind();
    int bits = kind.bits();
    long at = plane.address((long) tile * BLOCKS, 0);
    short[] sums = zeros(BLOCKS * ROWS);
    int column = 0;
    int start = 0;
    for (int g = 0; g < kind.groups(); g++) {
      float offset = x.offsets()[g] * x.factor();
      for (int done = 0; done < kind.units(); done += x.run()) {
        int units = Math.min(x.run(), kind.units() - done);
        if (bits == 4) {
          nibbles(plane.words(), at, plane.stride(), x.x(), column, units * bits, sums);
        } else {
          few(plane.words(), at, plane.stride(), x.x(), column, units * bits, bits, sums);
        }
        at += (long) units * bits * BYTES;
        column += units * Geometry.UNIT;
        add(sums, (short) x.starts()[start++], offset, x.factor(), scales, tile, g, y, yAt);
        offset = 0;
      }
    }
  }

  /** Up to 3 bits: four bits at a time are looked up in tables of sums. */
  static void tables(
      Plane plane, int tile, Scales scales, Operand.ShortTables x, float[] y, int yAt) {
    Kind kind = x.kind();
    int steps = kind.units() * kind.bits();
    int run = x.run() * kind.bits();
    long at = plane.address((long) tile * BLOCKS, 0);
    short[] sums = zeros(BLOCKS * ROWS);
    int next = 0;
    for (int g = 0; g < kind.groups(); g++) {
      float offset = x.offsets()[g] * x.factor();
      for (int done = 0; done < steps; done += run) {
        int count = Math.min(run, steps - done);
        look(plane.words(), at, plane.stride(), x.tables(), next, count, sums);
        at += (long) count * BYTES;
        next += count * 4 * ROWS;
        add(sums, (short) 0, offset, x.factor(), scales, tile, g, y, yAt);
        offset = 0;
      }
    }
  }

  /** Zeros in the task's scratch. */
  static short[] zeros(int length) {
    short[] zeros = Scratch.ofTask().shorts(length);
    Arrays.fill(zeros, (short) 0);
    return zeros;
  }

  /** Steps of fields of 4 bits. */
  private static void nibbles(
      MemorySegment memory, long at, long stride, int[] x, int column, int steps, short[] sums) {
    for (int step = 0; step < steps; step++) {
      for (int k = 0; k < BLOCKS; k++) {
        ShortVector x0 = IntVector.broadcast(INTS, x[column]).reinterpretAsShorts();
        ShortVector x1 = IntVector.broadcast(INTS, x[column + 1]).reinterpretAsShorts();
        ShortVector x2 = IntVector.broadcast(INTS, x[column + 2]).reinterpretAsShorts();
        ShortVector x3 = IntVector.broadcast(INTS, x[column + 3]).reinterpretAsShorts();
        ShortVector w =
            IntVector.fromMemorySegment(INTS, memory, at + k * stride, ORDER).reinterpretAsShorts();
        ShortVector p0 = w.and((short) 15).mul(x0);
        ShortVector p1 = w.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(x1);
        ShortVector p2 = w.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(x2);
        ShortVector p3 = w.lanewise(VectorOperators.LSHR, 12).mul(x3);
        ShortVector sum = ShortVector.fromArray(SHORTS, sums, k * ROWS);
        sum.add(p0.add(p1)).add(p2.add(p3)).intoArray(sums, k * ROWS);
      }
      column += 4;
      at += BYTES;
    }
  }

  /** Steps of fields of 1, 2 or 4 bits. */
  private static void few(
      MemorySegment memory,
      long at,
      long stride,
      int[] x,
      int column,
      int steps,
      int bits,
      short[] sums) {
    short mask = (short) ((1 << bits) - 1);
    for (int step = 0; step < steps; step++) {
      for (int from = 0; from < Short.SIZE; from += 2 * bits) {
        for (int k = 0; k < BLOCKS; k++) {
          ShortVector x0 = IntVector.broadcast(INTS, x[column]).reinterpretAsShorts();
          ShortVector x1 = IntVector.broadcast(INTS, x[column + 1]).reinterpretAsShorts();
          IntVector word = IntVector.fromMemorySegment(INTS, memory, at + k * stride, ORDER);
          ShortVector w = word.reinterpretAsShorts();
          ShortVector p0 = w.lanewise(VectorOperators.LSHR, from).and(mask).mul(x0);
          ShortVector p1 = w.lanewise(VectorOperators.LSHR, from + bits).and(mask).mul(x1);
          ShortVector sum = ShortVector.fromArray(SHORTS, sums, k * ROWS);
          sum.add(p0.add(p1)).intoArray(sums, k * ROWS);
        }
        column += 2;
      }
      at += BYTES;
    }
  }

  /** Steps of any bits, by tables. */
  private static void look(
      MemorySegment memory,
      long at,
      long stride,
      short[] tables,
      int next,
      int steps,
      short[] sums) {
    for (int step = 0; step < steps; step++) {
      ShortVector t0 = ShortVector.fromArray(SHORTS, tables, next);
      ShortVector t1 = ShortVector.fromArray(SHORTS, tables, next + ROWS);
      ShortVector t2 = ShortVector.fromArray(SHORTS, tables, next + 2 * ROWS);
      ShortVector t3 = ShortVector.fromArray(SHORTS, tables, next + 3 * ROWS);
      ShortVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER).reinterpretAsShorts();
      ShortVector s0 = ShortVector.fromArray(SHORTS, sums, 0).add(w0.selectFrom(t0));
      s0 = s0.add(w0.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s0 = s0.add(w0.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s0.add(w0.lanewise(VectorOperators.LSHR, 12).selectFrom(t3)).intoArray(sums, 0);
      ShortVector w1 =
          IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER).reinterpretAsShorts();
      ShortVector s1 = ShortVector.fromArray(SHORTS, sums, ROWS).add(w1.selectFrom(t0));
      s1 = s1.add(w1.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s1 = s1.add(w1.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s1.add(w1.lanewise(VectorOperators.LSHR, 12).selectFrom(t3)).intoArray(sums, ROWS);
      ShortVector w2 =
          IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER).reinterpretAsShorts();
      ShortVector s2 = ShortVector.fromArray(SHORTS, sums, 2 * ROWS).add(w2.selectFrom(t0));
      s2 = s2.add(w2.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s2 = s2.add(w2.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s2.add(w2.lanewise(VectorOperators.LSHR, 12).selectFrom(t3)).intoArray(sums, 2 * ROWS);
      ShortVector w3 =
          IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER).reinterpretAsShorts();
      ShortVector s3 = ShortVector.fromArray(SHORTS, sums, 3 * ROWS).add(w3.selectFrom(t0));
      s3 = s3.add(w3.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s3 = s3.add(w3.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s3.add(w3.lanewise(VectorOperators.LSHR, 12).selectFrom(t3)).intoArray(sums, 3 * ROWS);
      next += 4 * ROWS;
      at += BYTES;
    }
  }

  /** Adds {@code ((sums + start) * factor + offset) * scale}, and makes the sums zero. */
  private static void add(
      short[] sums,
      short start,
      float offset,
      float factor,
      Scales scales,
      int tile,
      int group,
      float[] y,
      int yAt) {
    MemorySegment factors = scales.values();
    long block = scales.blockBytes();
    int second = scales.brief() ? 0 : BYTES;
    int shift = scales.brief() ? Short.SIZE : 0;
    int upper = scales.brief() ? UPPER : -1;
    long at = scales.address(tile, group);
    for (int k = 0; k < BLOCKS; k++) {
      IntVector w = ShortVector.fromArray(SHORTS, sums, k * ROWS).add(start).reinterpretAsInts();
      ShortVector.zero(SHORTS).intoArray(sums, k * ROWS);
      IntVector low = w.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
      IntVector high = w.lanewise(VectorOperators.ASHR, 16);
      FloatVector a = low.add(WHOLE_BITS).reinterpretAsFloats().sub(WHOLE);
      FloatVector b = high.add(WHOLE_BITS).reinterpretAsFloats().sub(WHOLE);
      FloatVector fa =
          IntVector.fromMemorySegment(INTS, factors, at, ORDER)
              .lanewise(VectorOperators.LSHL, shift)
              .reinterpretAsFloats();
      FloatVector fb =
          IntVector.fromMemorySegment(INTS, factors, at + second, ORDER)
              .and(upper)
              .reinterpretAsFloats();
      int to = yAt + k * ROWS;
      a.mul(factor).add(offset).fma(fa, FloatVector.fromArray(FLOATS, y, to)).intoArray(y, to);
      b.mul(factor)
          .add(offset)
          .fma(fb, FloatVector.fromArray(FLOATS, y, to + LANES))
          .intoArray(y, to + LANES);
      at += block;
    }
  }
}

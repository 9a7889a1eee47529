package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
import static io.parq.runtime.Memory.ALL;
import static io.parq.runtime.VectorKernels.WHOLE;
import static io.parq.runtime.VectorKernels.WHOLE_BITS;

import io.parq.runtime.Operand.Kind;
import java.nio.ByteOrder;
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
    long at = plane.address(tile, 0);
    long sums = sums();
    int column = 0;
    int next = 0;
    for (int g = 0; g < kind.groups(); g++) {
      float offset = x.offsets()[g] * x.factor();
      for (int done = 0; done < kind.units(); done += x.runs()[next++]) {
        int units = x.runs()[next];
        if (bits == 4) {
          nibbles(at, plane.stride(), x.x(), column, units * bits, sums);
        } else {
          few(at, plane.stride(), x.x(), column, units * bits, bits, sums);
        }
        at += (long) units * bits * BYTES;
        column += units * Geometry.UNIT;
        add(sums, (short) x.starts()[next], offset, x.factor(), scales, tile, g, y, yAt);
        offset = 0;
      }
    }
  }

  /** Up to 3 bits: four bits at a time are looked up in tables of sums. */
  static void tables(Plane plane, int tile, Scales scales, Operand.Shorts x, float[] y, int yAt) {
    Kind kind = x.kind();
    long at = plane.address(tile, 0);
    long sums = sums();
    long table = VectorTables.of(x);
    int next = 0;
    for (int g = 0; g < kind.groups(); g++) {
      float offset = x.offsets()[g] * x.factor();
      for (int done = 0; done < kind.units(); done += x.runs()[next++]) {
        int steps = x.runs()[next] * kind.bits();
        look(at, plane.stride(), table, steps, sums);
        at += (long) steps * BYTES;
        table += steps * 4L * BYTES;
        add(sums, (short) 0, offset, x.factor(), scales, tile, g, y, yAt);
        offset = 0;
      }
    }
  }

  /** Memory for sums of 16 bits of a tile's rows. */
  private static long sums() {
    return Scratch.ofTask().memory(BLOCKS * BYTES).address();
  }

  /**
   * Steps of fields of 4 bits. What lies above a field is not cut off: it counts in multiples of
   * 16, which the numbers x make up for.
   */
  private static void nibbles(long at, long stride, int[] x, int column, int steps, long sums) {
    ShortVector p0 = ShortVector.zero(SHORTS);
    ShortVector p1 = ShortVector.zero(SHORTS);
    ShortVector p2 = ShortVector.zero(SHORTS);
    ShortVector p3 = ShortVector.zero(SHORTS);
    for (int step = 0; step < steps; step++) {
      ShortVector x0 = IntVector.broadcast(INTS, x[column]).reinterpretAsShorts();
      ShortVector x1 = IntVector.broadcast(INTS, x[column + 1]).reinterpretAsShorts();
      ShortVector x2 = IntVector.broadcast(INTS, x[column + 2]).reinterpretAsShorts();
      ShortVector x3 = IntVector.broadcast(INTS, x[column + 3]).reinterpretAsShorts();
      ShortVector w0 = IntVector.fromMemorySegment(INTS, ALL, at, ORDER).reinterpretAsShorts();
      ShortVector w1 =
          IntVector.fromMemorySegment(INTS, ALL, at + stride, ORDER).reinterpretAsShorts();
      ShortVector w2 =
          IntVector.fromMemorySegment(INTS, ALL, at + 2 * stride, ORDER).reinterpretAsShorts();
      ShortVector w3 =
          IntVector.fromMemorySegment(INTS, ALL, at + 3 * stride, ORDER).reinterpretAsShorts();
      ShortVector a0 = w0.mul(x0).add(w0.lanewise(VectorOperators.LSHR, 4).mul(x1));
      ShortVector b0 =
          w0.lanewise(VectorOperators.LSHR, 8)
              .mul(x2)
              .add(w0.lanewise(VectorOperators.LSHR, 12).mul(x3));
      p0 = p0.add(a0.add(b0));
      ShortVector a1 = w1.mul(x0).add(w1.lanewise(VectorOperators.LSHR, 4).mul(x1));
      ShortVector b1 =
          w1.lanewise(VectorOperators.LSHR, 8)
              .mul(x2)
              .add(w1.lanewise(VectorOperators.LSHR, 12).mul(x3));
      p1 = p1.add(a1.add(b1));
      ShortVector a2 = w2.mul(x0).add(w2.lanewise(VectorOperators.LSHR, 4).mul(x1));
      ShortVector b2 =
          w2.lanewise(VectorOperators.LSHR, 8)
              .mul(x2)
              .add(w2.lanewise(VectorOperators.LSHR, 12).mul(x3));
      p2 = p2.add(a2.add(b2));
      ShortVector a3 = w3.mul(x0).add(w3.lanewise(VectorOperators.LSHR, 4).mul(x1));
      ShortVector b3 =
          w3.lanewise(VectorOperators.LSHR, 8)
              .mul(x2)
              .add(w3.lanewise(VectorOperators.LSHR, 12).mul(x3));
      p3 = p3.add(a3.add(b3));
      column += 4;
      at += BYTES;
    }
    p0.intoMemorySegment(ALL, sums, ORDER);
    p1.intoMemorySegment(ALL, sums + BYTES, ORDER);
    p2.intoMemorySegment(ALL, sums + 2L * BYTES, ORDER);
    p3.intoMemorySegment(ALL, sums + 3L * BYTES, ORDER);
  }

  /** Steps of fields of 1, 2 or 4 bits. */
  private static void few(
      long at, long stride, int[] x, int column, int steps, int bits, long sums) {
    short mask = (short) ((1 << bits) - 1);
    for (int k = 0; k < BLOCKS; k++) {
      ShortVector.zero(SHORTS).intoMemorySegment(ALL, sums + k * (long) BYTES, ORDER);
    }
    for (int step = 0; step < steps; step++) {
      for (int from = 0; from < Short.SIZE; from += 2 * bits) {
        for (int k = 0; k < BLOCKS; k++) {
          ShortVector x0 = IntVector.broadcast(INTS, x[column]).reinterpretAsShorts();
          ShortVector x1 = IntVector.broadcast(INTS, x[column + 1]).reinterpretAsShorts();
          IntVector word = IntVector.fromMemorySegment(INTS, ALL, at + k * stride, ORDER);
          ShortVector w = word.reinterpretAsShorts();
          ShortVector p0 = w.lanewise(VectorOperators.LSHR, from).and(mask).mul(x0);
          ShortVector p1 = w.lanewise(VectorOperators.LSHR, from + bits).and(mask).mul(x1);
          ShortVector sum =
              ShortVector.fromMemorySegment(SHORTS, ALL, sums + k * (long) BYTES, ORDER);
          sum.add(p0.add(p1)).intoMemorySegment(ALL, sums + k * (long) BYTES, ORDER);
        }
        column += 2;
      }
      at += BYTES;
    }
  }

  /** Steps of any bits, by tables. */
  private static void look(long at, long stride, long table, int steps, long sums) {
    ShortVector s0 = ShortVector.zero(SHORTS);
    ShortVector s1 = ShortVector.zero(SHORTS);
    ShortVector s2 = ShortVector.zero(SHORTS);
    ShortVector s3 = ShortVector.zero(SHORTS);
    for (int step = 0; step < steps; step++) {
      ShortVector t0 = ShortVector.fromMemorySegment(SHORTS, ALL, table, ORDER);
      ShortVector t1 = ShortVector.fromMemorySegment(SHORTS, ALL, table + BYTES, ORDER);
      ShortVector t2 = ShortVector.fromMemorySegment(SHORTS, ALL, table + 2L * BYTES, ORDER);
      ShortVector t3 = ShortVector.fromMemorySegment(SHORTS, ALL, table + 3L * BYTES, ORDER);
      ShortVector w0 = IntVector.fromMemorySegment(INTS, ALL, at, ORDER).reinterpretAsShorts();
      s0 = s0.add(w0.selectFrom(t0));
      s0 = s0.add(w0.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s0 = s0.add(w0.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s0 = s0.add(w0.lanewise(VectorOperators.LSHR, 12).selectFrom(t3));
      ShortVector w1 =
          IntVector.fromMemorySegment(INTS, ALL, at + stride, ORDER).reinterpretAsShorts();
      s1 = s1.add(w1.selectFrom(t0));
      s1 = s1.add(w1.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s1 = s1.add(w1.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s1 = s1.add(w1.lanewise(VectorOperators.LSHR, 12).selectFrom(t3));
      ShortVector w2 =
          IntVector.fromMemorySegment(INTS, ALL, at + 2 * stride, ORDER).reinterpretAsShorts();
      s2 = s2.add(w2.selectFrom(t0));
      s2 = s2.add(w2.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s2 = s2.add(w2.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s2 = s2.add(w2.lanewise(VectorOperators.LSHR, 12).selectFrom(t3));
      ShortVector w3 =
          IntVector.fromMemorySegment(INTS, ALL, at + 3 * stride, ORDER).reinterpretAsShorts();
      s3 = s3.add(w3.selectFrom(t0));
      s3 = s3.add(w3.lanewise(VectorOperators.LSHR, 4).selectFrom(t1));
      s3 = s3.add(w3.lanewise(VectorOperators.LSHR, 8).selectFrom(t2));
      s3 = s3.add(w3.lanewise(VectorOperators.LSHR, 12).selectFrom(t3));
      table += 4L * BYTES;
      at += BYTES;
    }
    s0.intoMemorySegment(ALL, sums, ORDER);
    s1.intoMemorySegment(ALL, sums + BYTES, ORDER);
    s2.intoMemorySegment(ALL, sums + 2L * BYTES, ORDER);
    s3.intoMemorySegment(ALL, sums + 3L * BYTES, ORDER);
  }

  /** Adds {@code ((sums + start) * factor + offset) * scale}. */
  private static void add(
      long sums,
      short start,
      float offset,
      float factor,
      Scales scales,
      int tile,
      int group,
      float[] y,
      int yAt) {
    long block = scales.blockBytes();
    int second = scales.brief() ? 0 : BYTES;
    int shift = scales.brief() ? Short.SIZE : 0;
    int upper = scales.brief() ? UPPER : -1;
    long at = scales.address(tile, group);
    for (int k = 0; k < BLOCKS; k++) {
      IntVector w =
          ShortVector.fromMemorySegment(SHORTS, ALL, sums + k * (long) BYTES, ORDER)
              .add(start)
              .reinterpretAsInts();
      IntVector low = w.and(0xFFFF).lanewise(VectorOperators.XOR, WHOLE_BITS);
      IntVector high =
          w.lanewise(VectorOperators.LSHR, 16).lanewise(VectorOperators.XOR, WHOLE_BITS);
      FloatVector a = low.reinterpretAsFloats().sub(WHOLE);
      FloatVector b = high.reinterpretAsFloats().sub(WHOLE);
      FloatVector fa =
          IntVector.fromMemorySegment(INTS, ALL, at, ORDER)
              .lanewise(VectorOperators.LSHL, shift)
              .reinterpretAsFloats();
      FloatVector fb =
          IntVector.fromMemorySegment(INTS, ALL, at + second, ORDER)
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

package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
import static io.parq.runtime.Memory.ALL;

import io.parq.runtime.Operand.Kind;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of packed fields with floats.
 *
 * <p>No vector is handed from method to method. One that is kept from one turn of a loop to the
 * next is of no certain class to the compiler when it entered the loop while that ran, and then an
 * object and slow: loops that keep sums are short, and of few vectors; others have them in memory.
 * Of those, where a step is short, one loop goes over steps and row blocks: of a loop of four turns
 * within another the compiler makes three, whose checks take as long as the work.
 */
final class VectorFloats {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int ROWS = 2 * LANES;
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;
  private static final int ONE = Float.floatToRawIntBits(1f);

  /** Bits of a fraction. */
  private static final int FRACTION = 23;

  /** Columns that a sum has a start for. */
  static final int FEW = 4;

  private static final int NIBBLE = 0xF << (FRACTION - 4);

  /** Units at a time: with short loops, methods are compiled before their loops are. */
  private static final int UNITS = 8;

  /** Units of a row block at a time: memory is read from all four row blocks by turns. */
  private static final int OF_BLOCK = 2;

  private VectorFloats() {}

  /** Fields that are set into the highest bits of a fraction: {@code 1 + field / 2^bits}. */
  static void fields(Plane plane, int tile, Scales scales, Operand.Floats x, float[] y, int yAt) {
    Kind kind = x.kind();
    int bits = kind.bits();
    int most = bits == 4 ? OF_BLOCK : UNITS;
    long stride = plane.stride();
    long at = plane.address(tile, 0);
    long sums = sums();
    int column = 0;
    for (int g = 0; g < kind.groups(); g++) {
      for (int unit = 0; unit < kind.units(); unit += most) {
        int units = Math.min(most, kind.units() - unit);
        int steps = units * bits;
        if (bits == 4) {
          for (int k = 0; k < BLOCKS; k++) {
            nibbles(at + k * stride, x.x(), x.starts(), column, steps, sums + k * 2L * BYTES);
          }
        } else {
          set(at, stride, x.x(), x.starts(), column, steps, bits, sums);
        }
        column += units * Geometry.UNIT;
        at += (long) steps * BYTES;
      }
      add(sums, 1 << bits, scales, tile, g, y, yAt);
    }
  }

  /** Up to 3 bits: four bits at a time are looked up in tables of sums. */
  static void tables(Plane plane, int tile, Scales scales, Operand.Floats x, float[] y, int yAt) {
    Kind kind = x.kind();
    int bits = kind.bits();
    long stride = plane.stride();
    long at = plane.address(tile, 0);
    long sums = sums();
    long table = VectorTables.of(x);
    for (int g = 0; g < kind.groups(); g++) {
      for (int unit = 0; unit < kind.units(); unit += UNITS) {
        int steps = Math.min(UNITS, kind.units() - unit) * bits;
        look(at, stride, table, steps, sums);
        at += (long) steps * BYTES;
        table += steps * 4L * BYTES;
      }
      add(sums, 1, scales, tile, g, y, yAt);
    }
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
    long at = plane.address(tile, 0);
    long sums = sums();
    int column = 0;
    for (int g = 0; g < kind.groups(); g++) {
      for (int unit = 0; unit < kind.units(); unit += UNITS) {
        int steps = Math.min(UNITS, kind.units() - unit) * kind.bits();
        look(at, plane.stride(), levels, x, column, steps, sums);
        at += (long) steps * BYTES;
        column += steps * 4;
      }
      add(sums, 1, scales, tile, g, y, yAt);
    }
  }

  /** Sums of a tile's rows, zero. */
  private static long sums() {
    return Scratch.ofTask().memory(2 * BLOCKS * BYTES).fill((byte) 0).address();
  }

  /** Steps of 1, 2, 4 or 8 bits. */
  private static void set(
      long at, long stride, float[] x, float[] starts, int column, int steps, int bits, long sums) {
    int first = FRACTION - bits;
    int mask = ((1 << bits) - 1) << first;
    for (int step = 0; step < steps; step++) {
      for (int to = first; to > first - Short.SIZE; to -= 2 * bits) {
        float begin = column % FEW == 0 ? starts[column / FEW] : 0;
        for (int k = 0; k < BLOCKS; k++) {
          FloatVector x0 = FloatVector.broadcast(FLOATS, x[column]);
          FloatVector x1 = FloatVector.broadcast(FLOATS, x[column + 1]);
          IntVector w = IntVector.fromMemorySegment(INTS, ALL, at + k * stride, ORDER);
          IntVector h = w.lanewise(VectorOperators.LSHR, 16);
          IntVector a0 = w.lanewise(VectorOperators.LSHL, to).and(mask).or(ONE);
          IntVector a1 = w.lanewise(VectorOperators.LSHL, to - bits).and(mask).or(ONE);
          IntVector b0 = h.lanewise(VectorOperators.LSHL, to).and(mask).or(ONE);
          IntVector b1 = h.lanewise(VectorOperators.LSHL, to - bits).and(mask).or(ONE);
          FloatVector a =
              FloatVector.fromMemorySegment(FLOATS, ALL, sums + k * 2L * BYTES, ORDER).add(begin);
          FloatVector b =
              FloatVector.fromMemorySegment(FLOATS, ALL, sums + k * 2L * BYTES + BYTES, ORDER)
                  .add(begin);
          a = a0.reinterpretAsFloats().fma(x0, a);
          b = b0.reinterpretAsFloats().fma(x0, b);
          a1.reinterpretAsFloats().fma(x1, a).intoMemorySegment(ALL, sums + k * 2L * BYTES, ORDER);
          b1.reinterpretAsFloats()
              .fma(x1, b)
              .intoMemorySegment(ALL, sums + k * 2L * BYTES + BYTES, ORDER);
        }
        column += 2;
      }
      at += BYTES;
    }
  }

  /** Steps of fields of 4 bits of a row block. */
  private static void nibbles(long at, float[] x, float[] starts, int first, int steps, long sums) {
    FloatVector sa = FloatVector.fromMemorySegment(FLOATS, ALL, sums, ORDER);
    FloatVector sb = FloatVector.fromMemorySegment(FLOATS, ALL, sums + BYTES, ORDER);
    for (int step = 0; step < steps; step++) {
      int column = first + step * FEW;
      FloatVector start = FloatVector.broadcast(FLOATS, starts[column >>> 2]);
      FloatVector x0 = FloatVector.broadcast(FLOATS, x[column]);
      FloatVector x1 = FloatVector.broadcast(FLOATS, x[column + 1]);
      FloatVector x2 = FloatVector.broadcast(FLOATS, x[column + 2]);
      FloatVector x3 = FloatVector.broadcast(FLOATS, x[column + 3]);
      IntVector w = IntVector.fromMemorySegment(INTS, ALL, at + (long) step * BYTES, ORDER);
      IntVector a0 = w.lanewise(VectorOperators.LSHL, 19).and(NIBBLE).or(ONE);
      IntVector a1 = w.lanewise(VectorOperators.LSHL, 15).and(NIBBLE).or(ONE);
      IntVector a2 = w.lanewise(VectorOperators.LSHL, 11).and(NIBBLE).or(ONE);
      IntVector a3 = w.lanewise(VectorOperators.LSHL, 7).and(NIBBLE).or(ONE);
      FloatVector a = a0.reinterpretAsFloats().fma(x0, start);
      a = a1.reinterpretAsFloats().fma(x1, a);
      a = a2.reinterpretAsFloats().fma(x2, a);
      sa = sa.add(a3.reinterpretAsFloats().fma(x3, a));
      IntVector b0 = w.lanewise(VectorOperators.LSHL, 3).and(NIBBLE).or(ONE);
      IntVector b1 = w.lanewise(VectorOperators.LSHR, 1).and(NIBBLE).or(ONE);
      IntVector b2 = w.lanewise(VectorOperators.LSHR, 5).and(NIBBLE).or(ONE);
      IntVector b3 = w.lanewise(VectorOperators.LSHR, 9).and(NIBBLE).or(ONE);
      FloatVector b = b0.reinterpretAsFloats().fma(x0, start);
      b = b1.reinterpretAsFloats().fma(x1, b);
      b = b2.reinterpretAsFloats().fma(x2, b);
      sb = sb.add(b3.reinterpretAsFloats().fma(x3, b));
    }
    sa.intoMemorySegment(ALL, sums, ORDER);
    sb.intoMemorySegment(ALL, sums + BYTES, ORDER);
  }

  /** Steps of any bits, by tables of their own. */
  private static void look(long at, long stride, long tables, int steps, long sums) {
    for (int i = 0; i < steps * BLOCKS; i++) {
      int step = i / BLOCKS;
      int k = i % BLOCKS;
      long table = tables + step * 4L * BYTES;
      long to = sums + k * 2L * BYTES;
      IntVector t0 = IntVector.fromMemorySegment(INTS, ALL, table, ORDER);
      IntVector t1 = IntVector.fromMemorySegment(INTS, ALL, table + BYTES, ORDER);
      IntVector t2 = IntVector.fromMemorySegment(INTS, ALL, table + 2L * BYTES, ORDER);
      IntVector t3 = IntVector.fromMemorySegment(INTS, ALL, table + 3L * BYTES, ORDER);
      IntVector w =
          IntVector.fromMemorySegment(INTS, ALL, at + k * stride + (long) step * BYTES, ORDER);
      FloatVector a0 = w.selectFrom(t0).reinterpretAsFloats();
      FloatVector a1 = w.lanewise(VectorOperators.LSHR, 4).selectFrom(t1).reinterpretAsFloats();
      FloatVector a2 = w.lanewise(VectorOperators.LSHR, 8).selectFrom(t2).reinterpretAsFloats();
      FloatVector a3 = w.lanewise(VectorOperators.LSHR, 12).selectFrom(t3).reinterpretAsFloats();
      a0.add(a1)
          .add(a2.add(a3))
          .add(FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER))
          .intoMemorySegment(ALL, to, ORDER);
      FloatVector b0 = w.lanewise(VectorOperators.LSHR, 16).selectFrom(t0).reinterpretAsFloats();
      FloatVector b1 = w.lanewise(VectorOperators.LSHR, 20).selectFrom(t1).reinterpretAsFloats();
      FloatVector b2 = w.lanewise(VectorOperators.LSHR, 24).selectFrom(t2).reinterpretAsFloats();
      FloatVector b3 = w.lanewise(VectorOperators.LSHR, 28).selectFrom(t3).reinterpretAsFloats();
      b0.add(b1)
          .add(b2.add(b3))
          .add(FloatVector.fromMemorySegment(FLOATS, ALL, to + BYTES, ORDER))
          .intoMemorySegment(ALL, to + BYTES, ORDER);
    }
  }

  /** Steps of 4 bits, by one table for all. */
  private static void look(
      long at, long stride, float[] levels, float[] x, int first, int steps, long sums) {
    for (int i = 0; i < steps * BLOCKS; i++) {
      int step = i / BLOCKS;
      int k = i % BLOCKS;
      int column = first + step * 4;
      long from = at + k * stride + (long) step * BYTES;
      long to = sums + k * 2L * BYTES;
      IntVector t = FloatVector.fromArray(FLOATS, levels, 0).reinterpretAsInts();
      FloatVector x0 = FloatVector.broadcast(FLOATS, x[column]);
      FloatVector x1 = FloatVector.broadcast(FLOATS, x[column + 1]);
      FloatVector x2 = FloatVector.broadcast(FLOATS, x[column + 2]);
      FloatVector x3 = FloatVector.broadcast(FLOATS, x[column + 3]);
      IntVector w = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
      FloatVector a0 = w.selectFrom(t).reinterpretAsFloats();
      FloatVector a1 = w.lanewise(VectorOperators.LSHR, 4).selectFrom(t).reinterpretAsFloats();
      FloatVector a2 = w.lanewise(VectorOperators.LSHR, 8).selectFrom(t).reinterpretAsFloats();
      FloatVector a3 = w.lanewise(VectorOperators.LSHR, 12).selectFrom(t).reinterpretAsFloats();
      a3.fma(x3, a2.fma(x2, a1.fma(x1, a0.mul(x0))))
          .add(FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER))
          .intoMemorySegment(ALL, to, ORDER);
      FloatVector b0 = w.lanewise(VectorOperators.LSHR, 16).selectFrom(t).reinterpretAsFloats();
      FloatVector b1 = w.lanewise(VectorOperators.LSHR, 20).selectFrom(t).reinterpretAsFloats();
      FloatVector b2 = w.lanewise(VectorOperators.LSHR, 24).selectFrom(t).reinterpretAsFloats();
      FloatVector b3 = w.lanewise(VectorOperators.LSHR, 28).selectFrom(t).reinterpretAsFloats();
      b3.fma(x3, b2.fma(x2, b1.fma(x1, b0.mul(x0))))
          .add(FloatVector.fromMemorySegment(FLOATS, ALL, to + BYTES, ORDER))
          .intoMemorySegment(ALL, to + BYTES, ORDER);
    }
  }

  /** Adds {@code sums * factor * scale}, and makes the sums zero. */
  private static void add(
      long sums, float factor, Scales scales, int tile, int group, float[] y, int yAt) {
    long block = scales.blockBytes();
    int second = scales.brief() ? 0 : BYTES;
    int shift = scales.brief() ? Short.SIZE : 0;
    int upper = scales.brief() ? UPPER : -1;
    long at = scales.address(tile, group);
    for (int k = 0; k < BLOCKS; k++) {
      FloatVector a =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + k * 2L * BYTES, ORDER).mul(factor);
      FloatVector b =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + k * 2L * BYTES + BYTES, ORDER)
              .mul(factor);
      FloatVector.zero(FLOATS).intoMemorySegment(ALL, sums + k * 2L * BYTES, ORDER);
      FloatVector.zero(FLOATS).intoMemorySegment(ALL, sums + k * 2L * BYTES + BYTES, ORDER);
      IntVector f = IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
      IntVector g = IntVector.fromMemorySegment(INTS, ALL, at + second, ORDER);
      FloatVector fa = f.lanewise(VectorOperators.LSHL, shift).reinterpretAsFloats();
      FloatVector fb = g.and(upper).reinterpretAsFloats();
      int to = yAt + k * ROWS;
      a.fma(fa, FloatVector.fromArray(FLOATS, y, to)).intoArray(y, to);
      to += LANES;
      b.fma(fb, FloatVector.fromArray(FLOATS, y, to)).intoArray(y, to);
      at += block;
    }
  }
}

package io.parq.runtime;

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
 * object and slow: sums are in memory. One loop goes over row blocks and their words: of a loop of
 * four turns within another the compiler makes three, whose checks take as long as the work.
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

  /** Vectors of a row block. */
  private static final int PARTS = Geometry.BLOCK / LANES;

  /** Bits of a fraction. */
  private static final int FRACTION = 23;

  /** Columns that a sum has a start for. */
  static final int FEW = 4;

  private static final int NIBBLE = 0xF << (FRACTION - 4);
  private static final int OCTET = 0xFF << (FRACTION - 8);

  private VectorFloats() {}

  /** Fields that are set into the highest bits of a fraction: {@code 1 + field / 2^bits}. */
  static void fields(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt) {
    Kind kind = x.kind();
    int bits = kind.bits();
    long at = plane.address(tile, 0);
    long sums = sums();
    int column = 0;
    for (int g = 0; g < kind.groups(); g++) {
      for (int unit = 0; unit < kind.units(); unit++) {
        switch (bits) {
          case 4 -> nibbles(at, x.x(), x.starts(), column, sums);
          case 8 -> octets(at, x.x(), x.starts(), column, sums);
          default -> few(at, x.x(), x.starts(), column, bits, sums);
        }
        column += Geometry.UNIT;
        at += plane.unitBytes();
      }
      add(sums, 1 << bits, scales, tile, g, y, yAt);
    }
  }

  /** Up to 3 bits: four bits at a time are looked up in tables of sums. */
  static void tables(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt) {
    Kind kind = x.kind();
    int bits = kind.bits();
    long at = plane.address(tile, 0);
    long sums = sums();
    long table = VectorTables.of(x);
    for (int g = 0; g < kind.groups(); g++) {
      for (int unit = 0; unit < kind.units(); unit++) {
        look(at, table, bits, sums);
        at += plane.unitBytes();
        table += bits * VectorTables.OF_WORD;
      }
      add(sums, 1, scales, tile, g, y, yAt);
    }
  }

  /** Fields of 4 bits that stand for one of 16 levels. */
  static void levels(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt) {
    Kind kind = x.kind();
    long at = plane.address(tile, 0);
    long sums = sums();
    int column = 0;
    for (int g = 0; g < kind.groups(); g++) {
      for (int unit = 0; unit < kind.units(); unit++) {
        look(at, x.levels(), x.x(), column, sums);
        at += plane.unitBytes();
        column += Geometry.UNIT;
      }
      add(sums, 1, scales, tile, g, y, yAt);
    }
  }

  /** Sums of a tile's rows, zero. */
  private static long sums() {
    return Scratch.ofTask().memory(Geometry.TILE * Float.BYTES).fill((byte) 0).address();
  }

  /** A unit of 1 or 2 bits. */
  private static void few(long at, float[] x, float[] starts, int first, int bits, long sums) {
    int up = FRACTION - bits;
    int mask = ((1 << bits) - 1) << up;
    int quads = Byte.SIZE / bits;
    for (int turn = 0; turn < Geometry.BLOCKS * bits * PARTS; turn++) {
      int part = turn % PARTS;
      int word = turn / PARTS;
      long to = sums + (word / bits * PARTS + part) * (long) BYTES;
      int column = first + word % bits * quads * FEW;
      FloatVector s = FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER);
      for (int quad = 0; quad < quads; quad++) {
        IntVector w =
            IntVector.fromMemorySegment(INTS, ALL, at + turn * (long) BYTES, ORDER)
                .lanewise(VectorOperators.LSHR, quad * bits);
        IntVector f0 = w.lanewise(VectorOperators.LSHL, up).and(mask).or(ONE);
        IntVector f1 = w.lanewise(VectorOperators.LSHL, up - 8).and(mask).or(ONE);
        IntVector f2 = w.lanewise(VectorOperators.LSHL, up - 16).and(mask).or(ONE);
        IntVector f3 = w.lanewise(VectorOperators.LSHR, 24 - up).and(mask).or(ONE);
        int c = column + quad * FEW;
        FloatVector a =
            f0.reinterpretAsFloats()
                .fma(
                    FloatVector.broadcast(FLOATS, x[c]),
                    FloatVector.broadcast(FLOATS, starts[c / FEW]));
        a = f1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 1]), a);
        a = f2.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 2]), a);
        s = s.add(f3.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 3]), a));
      }
      s.intoMemorySegment(ALL, to, ORDER);
    }
  }

  /** A unit of 4 bits. */
  private static void nibbles(long at, float[] x, float[] starts, int first, long sums) {
    for (int turn = 0; turn < Geometry.BLOCKS * 4 * PARTS; turn++) {
      int word = turn / PARTS;
      long to = sums + (word / 4 * PARTS + turn % PARTS) * (long) BYTES;
      int c = first + word % 4 * 8;
      IntVector w = IntVector.fromMemorySegment(INTS, ALL, at + turn * (long) BYTES, ORDER);
      IntVector a0 = w.lanewise(VectorOperators.LSHL, 19).and(NIBBLE).or(ONE);
      IntVector a1 = w.lanewise(VectorOperators.LSHL, 11).and(NIBBLE).or(ONE);
      IntVector a2 = w.lanewise(VectorOperators.LSHL, 3).and(NIBBLE).or(ONE);
      IntVector a3 = w.lanewise(VectorOperators.LSHR, 5).and(NIBBLE).or(ONE);
      FloatVector a =
          a0.reinterpretAsFloats()
              .fma(
                  FloatVector.broadcast(FLOATS, x[c]),
                  FloatVector.broadcast(FLOATS, starts[c >> 2]));
      a = a1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 1]), a);
      a = a2.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 2]), a);
      a = a3.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 3]), a);
      IntVector b0 = w.lanewise(VectorOperators.LSHL, 15).and(NIBBLE).or(ONE);
      IntVector b1 = w.lanewise(VectorOperators.LSHL, 7).and(NIBBLE).or(ONE);
      IntVector b2 = w.lanewise(VectorOperators.LSHR, 1).and(NIBBLE).or(ONE);
      IntVector b3 = w.lanewise(VectorOperators.LSHR, 9).and(NIBBLE).or(ONE);
      FloatVector b =
          b0.reinterpretAsFloats()
              .fma(
                  FloatVector.broadcast(FLOATS, x[c + 4]),
                  FloatVector.broadcast(FLOATS, starts[(c >> 2) + 1]));
      b = b1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 5]), b);
      b = b2.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 6]), b);
      b = b3.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 7]), b);
      FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER)
          .add(a.add(b))
          .intoMemorySegment(ALL, to, ORDER);
    }
  }

  /** A unit of 8 bits. */
  private static void octets(long at, float[] x, float[] starts, int first, long sums) {
    for (int turn = 0; turn < Geometry.BLOCKS * 8 * PARTS; turn++) {
      int word = turn / PARTS;
      long to = sums + (word / 8 * PARTS + turn % PARTS) * (long) BYTES;
      int c = first + word % 8 * 4;
      IntVector w = IntVector.fromMemorySegment(INTS, ALL, at + turn * (long) BYTES, ORDER);
      IntVector a0 = w.lanewise(VectorOperators.LSHL, 15).and(OCTET).or(ONE);
      IntVector a1 = w.lanewise(VectorOperators.LSHL, 7).and(OCTET).or(ONE);
      IntVector a2 = w.lanewise(VectorOperators.LSHR, 1).and(OCTET).or(ONE);
      IntVector a3 = w.lanewise(VectorOperators.LSHR, 9).and(OCTET).or(ONE);
      FloatVector a =
          a0.reinterpretAsFloats()
              .fma(
                  FloatVector.broadcast(FLOATS, x[c]),
                  FloatVector.broadcast(FLOATS, starts[c >> 2]));
      a = a1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 1]), a);
      a = a2.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 2]), a);
      a = a3.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[c + 3]), a);
      FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER)
          .add(a)
          .intoMemorySegment(ALL, to, ORDER);
    }
  }

  /** A unit of up to 3 bits, each four bits by a table of their own; of vectors of 16 lanes. */
  private static void look(long at, long tables, int bits, long sums) {
    long table = tables;
    long to = sums;
    long end = tables + bits * VectorTables.OF_WORD;
    for (int word = 0; word < Geometry.BLOCKS * bits; word++) {
      IntVector t0 = IntVector.fromMemorySegment(INTS, ALL, table, ORDER);
      IntVector t1 = IntVector.fromMemorySegment(INTS, ALL, table + BYTES, ORDER);
      IntVector t2 = IntVector.fromMemorySegment(INTS, ALL, table + 2L * BYTES, ORDER);
      IntVector t3 = IntVector.fromMemorySegment(INTS, ALL, table + 3L * BYTES, ORDER);
      IntVector t4 = IntVector.fromMemorySegment(INTS, ALL, table + 4L * BYTES, ORDER);
      IntVector t5 = IntVector.fromMemorySegment(INTS, ALL, table + 5L * BYTES, ORDER);
      IntVector t6 = IntVector.fromMemorySegment(INTS, ALL, table + 6L * BYTES, ORDER);
      IntVector t7 = IntVector.fromMemorySegment(INTS, ALL, table + 7L * BYTES, ORDER);
      IntVector w = IntVector.fromMemorySegment(INTS, ALL, at + word * (long) BYTES, ORDER);
      FloatVector a0 = w.selectFrom(t0).reinterpretAsFloats();
      FloatVector a1 = w.lanewise(VectorOperators.LSHR, 4).selectFrom(t1).reinterpretAsFloats();
      FloatVector a2 = w.lanewise(VectorOperators.LSHR, 8).selectFrom(t2).reinterpretAsFloats();
      FloatVector a3 = w.lanewise(VectorOperators.LSHR, 12).selectFrom(t3).reinterpretAsFloats();
      FloatVector a4 = w.lanewise(VectorOperators.LSHR, 16).selectFrom(t4).reinterpretAsFloats();
      FloatVector a5 = w.lanewise(VectorOperators.LSHR, 20).selectFrom(t5).reinterpretAsFloats();
      FloatVector a6 = w.lanewise(VectorOperators.LSHR, 24).selectFrom(t6).reinterpretAsFloats();
      FloatVector a7 = w.lanewise(VectorOperators.LSHR, 28).selectFrom(t7).reinterpretAsFloats();
      a0.add(a1)
          .add(a2.add(a3))
          .add(a4.add(a5).add(a6.add(a7)))
          .add(FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER))
          .intoMemorySegment(ALL, to, ORDER);
      table += VectorTables.OF_WORD;
      if (table == end) {
        table = tables;
        to += BYTES;
      }
    }
  }

  /** A unit of 4 bits, by one table for all; of vectors of 16 lanes. */
  private static void look(long at, float[] levels, float[] x, int first, long sums) {
    for (int word = 0; word < Geometry.BLOCKS * 4; word++) {
      int c = first + word % 4 * 8;
      long to = sums + word / 4 * (long) BYTES;
      IntVector t = FloatVector.fromArray(FLOATS, levels, 0).reinterpretAsInts();
      IntVector w = IntVector.fromMemorySegment(INTS, ALL, at + word * (long) BYTES, ORDER);
      FloatVector a0 = w.selectFrom(t).reinterpretAsFloats();
      FloatVector a1 = w.lanewise(VectorOperators.LSHR, 8).selectFrom(t).reinterpretAsFloats();
      FloatVector a2 = w.lanewise(VectorOperators.LSHR, 16).selectFrom(t).reinterpretAsFloats();
      FloatVector a3 = w.lanewise(VectorOperators.LSHR, 24).selectFrom(t).reinterpretAsFloats();
      FloatVector a = a0.mul(x[c]);
      a = a1.fma(FloatVector.broadcast(FLOATS, x[c + 1]), a);
      a = a2.fma(FloatVector.broadcast(FLOATS, x[c + 2]), a);
      a = a3.fma(FloatVector.broadcast(FLOATS, x[c + 3]), a);
      FloatVector b0 = w.lanewise(VectorOperators.LSHR, 4).selectFrom(t).reinterpretAsFloats();
      FloatVector b1 = w.lanewise(VectorOperators.LSHR, 12).selectFrom(t).reinterpretAsFloats();
      FloatVector b2 = w.lanewise(VectorOperators.LSHR, 20).selectFrom(t).reinterpretAsFloats();
      FloatVector b3 = w.lanewise(VectorOperators.LSHR, 28).selectFrom(t).reinterpretAsFloats();
      FloatVector b = b0.mul(x[c + 4]);
      b = b1.fma(FloatVector.broadcast(FLOATS, x[c + 5]), b);
      b = b2.fma(FloatVector.broadcast(FLOATS, x[c + 6]), b);
      b = b3.fma(FloatVector.broadcast(FLOATS, x[c + 7]), b);
      FloatVector.fromMemorySegment(FLOATS, ALL, to, ORDER)
          .add(a.add(b))
          .intoMemorySegment(ALL, to, ORDER);
    }
  }

  /** Adds {@code sums * factor * scale}, and makes the sums zero. */
  private static void add(
      long sums, float factor, Scales scales, int tile, int group, float[] y, int yAt) {
    long at = scales.address(tile, group);
    int rows = scales.brief() ? Scales.HALF : Geometry.TILE;
    for (int row = 0; row < Geometry.TILE; row += LANES) {
      int shift = scales.brief() && row < Scales.HALF ? Short.SIZE : 0;
      int mask = scales.brief() ? UPPER : -1;
      long from = sums + (long) row * Float.BYTES;
      FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER).mul(factor);
      FloatVector.zero(FLOATS).intoMemorySegment(ALL, from, ORDER);
      FloatVector scale =
          IntVector.fromMemorySegment(INTS, ALL, at + row % rows * (long) Float.BYTES, ORDER)
              .lanewise(VectorOperators.LSHL, shift)
              .and(mask)
              .reinterpretAsFloats();
      a.fma(scale, FloatVector.fromArray(FLOATS, y, yAt + row)).intoArray(y, yAt + row);
    }
  }
}

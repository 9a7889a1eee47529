package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
import static io.parq.runtime.Memory.ALL;
import static io.parq.runtime.VectorKernels.WHOLE;
import static io.parq.runtime.VectorKernels.WHOLE_BITS;

import io.parq.grids.DType;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Unpacks fields for products with several tokens. */
final class VectorUnpack {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int ROWS = 2 * LANES;
  private static final int BYTES = FLOATS.vectorByteSize();

  /** Bytes of four columns of a tile. */
  private static final long QUAD = 4L * BLOCKS * ROWS;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private VectorUnpack() {}

  /** {@link MatrixKernels#unpack}; rows of a row block in a plane's order. */
  static void fields(Plane plane, int tile, int column, int count, short[] out) {
    if (plane.bits() == 3) {
      threeBits(plane, tile, column, count, out);
      return;
    }
    int bits = plane.bits();
    short mask = (short) ((1 << bits) - 1);
    short half = (short) (1 << (bits - 1));
    int perStep = Short.SIZE / bits;
    for (int k = 0; k < BLOCKS; k++) {
      long at = plane.address(tile, column) + k * plane.stride();
      int to = k * ROWS;
      for (int step = 0; step < count / perStep; step++) {
        for (int shift = 0; shift < Short.SIZE; shift += bits) {
          ShortVector w = IntVector.fromMemorySegment(INTS, ALL, at, ORDER).reinterpretAsShorts();
          ShortVector field = w.lanewise(VectorOperators.LSHR, shift).and(mask);
          ShortVector.broadcast(SHORTS, half).sub(field).intoArray(out, to);
          to += BLOCKS * ROWS;
        }
        at += BYTES;
      }
    }
  }

  private static void threeBits(Plane plane, int tile, int column, int count, short[] out) {
    for (int k = 0; k < BLOCKS; k++) {
      long at = plane.address(tile, column) + k * plane.stride();
      int to = k * ROWS;
      for (int i = 0; i < count; i++) {
        int inUnit = i % Geometry.UNIT;
        int shift = inUnit % 8 * 2;
        long from = at + inUnit / 8 * (long) BYTES;
        ShortVector low = IntVector.fromMemorySegment(INTS, ALL, from, ORDER).reinterpretAsShorts();
        ShortVector high =
            IntVector.fromMemorySegment(INTS, ALL, at + 2L * BYTES, ORDER).reinterpretAsShorts();
        ShortVector two = low.lanewise(VectorOperators.LSHR, shift).and((short) 3);
        ShortVector highest = high.lanewise(VectorOperators.LSHR, inUnit).and((short) 1);
        ShortVector field = two.or(highest.lanewise(VectorOperators.LSHL, 2));
        ShortVector.broadcast(SHORTS, (short) 4).sub(field).intoArray(out, to);
        to += BLOCKS * ROWS;
        if (inUnit == Geometry.UNIT - 1) {
          at += 3L * BYTES;
        }
      }
    }
  }

  /**
   * Unpacks columns of a tile into bytes, {@code [column / 4][row][column % 4]}: {@code field -
   * half}, with the columns of each unit in the order of {@link Plane#byteColumn}.
   *
   * @param out address
   */
  static void bytes(Plane plane, int tile, int column, int count, long out) {
    for (int k = 0; k < BLOCKS; k++) {
      long at = plane.address(tile, column) + k * plane.stride();
      long to = out + 2L * k * BYTES;
      switch (plane.bits()) {
        case 1 -> ones(at, count / Geometry.UNIT, to);
        case 3 -> threes(at, count / Geometry.UNIT, to);
        default -> words(at, count * plane.bits() / Integer.SIZE, plane.bits(), to);
      }
    }
  }

  /** Scales of a group of a tile, as floats. */
  static void scales(Scales scales, int tile, int group, long out) {
    long at = scales.address(tile, group);
    for (int k = 0; k < BLOCKS; k++) {
      IntVector first = IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
      IntVector second = first.and(0xFFFF0000);
      if (scales.brief()) {
        first = first.lanewise(VectorOperators.LSHL, 16);
      } else {
        second = IntVector.fromMemorySegment(INTS, ALL, at + BYTES, ORDER);
      }
      first.intoMemorySegment(ALL, out, ORDER);
      second.intoMemorySegment(ALL, out + BYTES, ORDER);
      at += scales.blockBytes();
      out += 2L * BYTES;
    }
  }

  /** Two steps at a time, of 2, 4 or 8 bits: a word of 32 bits for each row. */
  private static void words(long at, int words, int bits, long to) {
    int mask = ((1 << bits) - 1) * 0x01010101;
    byte half = (byte) (1 << (bits - 1));
    for (int word = 0; word < words; word++) {
      for (int shift = 0; shift < Byte.SIZE; shift += bits) {
        IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
        IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, at + BYTES, ORDER);
        IntVector low = w0.and(0xFFFF).or(w1.lanewise(VectorOperators.LSHL, 16));
        IntVector high = w0.lanewise(VectorOperators.LSHR, 16).or(w1.and(0xFFFF0000));
        IntVector a = low.lanewise(VectorOperators.LSHR, shift).and(mask);
        IntVector b = high.lanewise(VectorOperators.LSHR, shift).and(mask);
        a.reinterpretAsBytes().sub(half).intoMemorySegment(ALL, to, ORDER);
        b.reinterpretAsBytes().sub(half).intoMemorySegment(ALL, to + BYTES, ORDER);
        to += QUAD;
      }
      at += 2L * BYTES;
    }
  }

  /** A step of single bits at a time. */
  private static void ones(long at, int units, long to) {
    for (int unit = 0; unit < units; unit++) {
      for (int half = 0; half < 2; half++) {
        IntVector w = IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
        IntVector x = w.lanewise(VectorOperators.LSHR, 16 * half).and(0xFFFF);
        IntVector y = x.and(0xFF).or(x.and(0xFF00).lanewise(VectorOperators.LSHL, 8));
        IntVector z = y.and(0xF000F).or(y.and(0xF000F0).lanewise(VectorOperators.LSHL, 4));
        for (int i = 0; i < 4; i++) {
          IntVector four = z.lanewise(VectorOperators.LSHR, i).and(0x01010101);
          four.reinterpretAsBytes()
              .sub((byte) 1)
              .intoMemorySegment(ALL, to + i * QUAD + (long) half * BYTES, ORDER);
        }
      }
      to += 4 * QUAD;
      at += BYTES;
    }
  }

  /** Three steps at a time: two of 2 bits, and one of the highest. */
  private static void threes(long at, int units, long to) {
    for (int unit = 0; unit < units; unit++) {
      for (int half = 0; half < 2; half++) {
        int down = 16 * half;
        IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
        IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, at + BYTES, ORDER);
        IntVector w2 = IntVector.fromMemorySegment(INTS, ALL, at + 2L * BYTES, ORDER);
        IntVector low = w0.lanewise(VectorOperators.LSHR, down).and(0xFFFF);
        IntVector w =
            w1.lanewise(VectorOperators.LSHR, down).lanewise(VectorOperators.LSHL, 16).or(low);
        IntVector x = w2.lanewise(VectorOperators.LSHR, down).and(0xFFFF);
        IntVector y = x.and(0xFF).or(x.and(0xFF00).lanewise(VectorOperators.LSHL, 8));
        IntVector z = y.and(0xF000F).or(y.and(0xF000F0).lanewise(VectorOperators.LSHL, 4));
        for (int i = 0; i < 4; i++) {
          IntVector highest =
              z.lanewise(VectorOperators.LSHR, i).and(0x01010101).lanewise(VectorOperators.LSHL, 2);
          IntVector four = w.lanewise(VectorOperators.LSHR, 2 * i).and(0x03030303).or(highest);
          four.reinterpretAsBytes()
              .sub((byte) 4)
              .intoMemorySegment(ALL, to + i * QUAD + (long) half * BYTES, ORDER);
        }
      }
      to += 4 * QUAD;
      at += 3L * BYTES;
    }
  }

  /** {@link MatrixKernels#sum}, of so few columns that sums fit 16 bits. */
  static void sum(short[] fields, int columns, float[] sums) {
    Arrays.fill(sums, 0, BLOCKS * ROWS, 0f);
    for (int column = 0; column < columns; column += 4) {
      for (int row = 0; row < BLOCKS * ROWS; row += ROWS) {
        int at = column * BLOCKS * ROWS + row;
        ShortVector f0 = ShortVector.fromArray(SHORTS, fields, at);
        ShortVector f1 = ShortVector.fromArray(SHORTS, fields, at + BLOCKS * ROWS);
        ShortVector f2 = ShortVector.fromArray(SHORTS, fields, at + 2 * BLOCKS * ROWS);
        ShortVector f3 = ShortVector.fromArray(SHORTS, fields, at + 3 * BLOCKS * ROWS);
        IntVector w = f0.add(f1).add(f2.add(f3)).reinterpretAsInts();
        IntVector low = w.and(0xFFFF).lanewise(VectorOperators.XOR, WHOLE_BITS);
        IntVector high =
            w.lanewise(VectorOperators.LSHR, 16).lanewise(VectorOperators.XOR, WHOLE_BITS);
        FloatVector a = low.reinterpretAsFloats().sub(WHOLE);
        FloatVector b = high.reinterpretAsFloats().sub(WHOLE);
        a.add(FloatVector.fromArray(FLOATS, sums, row)).intoArray(sums, row);
        int next = row + LANES;
        b.add(FloatVector.fromArray(FLOATS, sums, next)).intoArray(sums, next);
      }
    }
  }

  /** {@link MatrixKernels#scale}. */
  static void scale(short[] fields, int columns, float[] scales, float[] biases, float[] out) {
    for (int k = 0; k < BLOCKS; k++) {
      int row = k * ROWS;
      for (int column = 0; column < columns; column++) {
        FloatVector f0 = FloatVector.fromArray(FLOATS, scales, row);
        FloatVector f1 = FloatVector.fromArray(FLOATS, scales, row + LANES);
        FloatVector b0 = FloatVector.fromArray(FLOATS, biases, row);
        FloatVector b1 = FloatVector.fromArray(FLOATS, biases, row + LANES);
        int at = column * BLOCKS * ROWS + row;
        IntVector w = ShortVector.fromArray(SHORTS, fields, at).reinterpretAsInts();
        IntVector low = w.and(0xFFFF).lanewise(VectorOperators.XOR, WHOLE_BITS);
        IntVector high =
            w.lanewise(VectorOperators.LSHR, 16).lanewise(VectorOperators.XOR, WHOLE_BITS);
        FloatVector whole = FloatVector.broadcast(FLOATS, WHOLE);
        FloatVector a = whole.sub(low.reinterpretAsFloats());
        FloatVector b = whole.sub(high.reinterpretAsFloats());
        a.fma(f0, b0).intoArray(out, at);
        b.fma(f1, b1).intoArray(out, at + LANES);
      }
    }
  }

  /** {@link MatrixKernels#convert}. */
  static void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    for (int k = 0; k < BLOCKS; k++) {
      long at = plane.address(tile, column) + k * plane.stride();
      long from = plane.address(tile, 0) + k * plane.stride() + (long) column * BYTES;
      int to = k * ROWS;
      for (int i = 0; i < count; i++) {
        switch (type) {
          case F32 -> {
            long second = from + plane.stride() / 2;
            FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER).intoArray(out, to);
            FloatVector.fromMemorySegment(FLOATS, ALL, second, ORDER).intoArray(out, to + LANES);
            from += BYTES;
          }
          case BF16 -> {
            IntVector w = IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
            w.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out, to);
            w.and(0xFFFF0000).reinterpretAsFloats().intoArray(out, to + LANES);
            at += BYTES;
          }
          default -> {
            for (int lane = 0; lane < LANES; lane++) {
              int w = ALL.get(ValueLayout.JAVA_INT_UNALIGNED, at + (long) lane * Integer.BYTES);
              out[to + lane] = Float.float16ToFloat((short) w);
              out[to + LANES + lane] = Float.float16ToFloat((short) (w >> 16));
            }
            at += BYTES;
          }
        }
        to += BLOCKS * ROWS;
      }
    }
  }
}

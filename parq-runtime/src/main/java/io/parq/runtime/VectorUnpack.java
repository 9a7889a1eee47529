package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;

import io.parq.grids.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
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
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private VectorUnpack() {}

  /** {@link MatrixKernels#unpack}; rows of a row block in a plane's order. */
  static void fields(Plane plane, int tile, int column, int count, short[] out) {
    if (plane.bits() == 3) {
      threeBits(plane, tile, column, count, out);
      return;
    }
    MemorySegment memory = plane.words();
    int bits = plane.bits();
    short mask = (short) ((1 << bits) - 1);
    ShortVector half = ShortVector.broadcast(SHORTS, 1 << (bits - 1));
    int perStep = Short.SIZE / bits;
    for (int k = 0; k < BLOCKS; k++) {
      long at = plane.address((long) tile * BLOCKS + k, column);
      int to = k * ROWS;
      for (int step = 0; step < count / perStep; step++) {
        ShortVector w = IntVector.fromMemorySegment(INTS, memory, at, ORDER).reinterpretAsShorts();
        at += BYTES;
        for (int f = 0; f < perStep; f++) {
          half.sub(w.and(mask)).intoArray(out, to);
          w = w.lanewise(VectorOperators.LSHR, bits);
          to += BLOCKS * ROWS;
        }
      }
    }
  }

  private static void threeBits(Plane plane, int tile, int column, int count, short[] out) {
    MemorySegment memory = plane.words();
    ShortVector half = ShortVector.broadcast(SHORTS, 4);
    for (int k = 0; k < BLOCKS; k++) {
      long at = plane.address((long) tile * BLOCKS + k, column);
      int to = k * ROWS;
      for (int unit = 0; unit < count; unit += Geometry.UNIT) {
        ShortVector high =
            IntVector.fromMemorySegment(INTS, memory, at + 2L * BYTES, ORDER).reinterpretAsShorts();
        for (int step = 0; step < 2; step++) {
          ShortVector low =
              IntVector.fromMemorySegment(INTS, memory, at, ORDER).reinterpretAsShorts();
          at += BYTES;
          for (int f = 0; f < 8; f++) {
            ShortVector highest = high.and((short) 1).lanewise(VectorOperators.LSHL, 2);
            half.sub(low.and((short) 3).or(highest)).intoArray(out, to);
            low = low.lanewise(VectorOperators.LSHR, 2);
            high = high.lanewise(VectorOperators.LSHR, 1);
            to += BLOCKS * ROWS;
          }
        }
        at += BYTES;
      }
    }
  }

  /** {@link MatrixKernels#sum}, of so few columns that sums fit 16 bits. */
  static void sum(short[] fields, int columns, float[] sums) {
    for (int row = 0; row < BLOCKS * ROWS; row += ROWS) {
      ShortVector sum = ShortVector.zero(SHORTS);
      for (int column = 0; column < columns; column++) {
        sum = sum.add(ShortVector.fromArray(SHORTS, fields, column * BLOCKS * ROWS + row));
      }
      IntVector w = sum.reinterpretAsInts();
      IntVector low = w.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
      IntVector high = w.lanewise(VectorOperators.ASHR, 16);
      ((FloatVector) low.convert(VectorOperators.I2F, 0)).intoArray(sums, row);
      ((FloatVector) high.convert(VectorOperators.I2F, 0)).intoArray(sums, row + LANES);
    }
  }

  /** {@link MatrixKernels#scale}. */
  static void scale(short[] fields, int columns, float[] scales, float[] biases, float[] out) {
    for (int k = 0; k < BLOCKS; k++) {
      int row = k * ROWS;
      FloatVector f0 = FloatVector.fromArray(FLOATS, scales, row).neg();
      FloatVector f1 = FloatVector.fromArray(FLOATS, scales, row + LANES).neg();
      FloatVector b0 = FloatVector.fromArray(FLOATS, biases, row);
      FloatVector b1 = FloatVector.fromArray(FLOATS, biases, row + LANES);
      for (int column = 0; column < columns; column++) {
        int at = column * BLOCKS * ROWS + row;
        IntVector w = ShortVector.fromArray(SHORTS, fields, at).reinterpretAsInts();
        IntVector low = w.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
        IntVector high = w.lanewise(VectorOperators.ASHR, 16);
        ((FloatVector) low.convert(VectorOperators.I2F, 0)).fma(f0, b0).intoArray(out, at);
        ((FloatVector) high.convert(VectorOperators.I2F, 0)).fma(f1, b1).intoArray(out, at + LANES);
      }
    }
  }

  /** {@link MatrixKernels#convert}. */
  static void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    MemorySegment memory = plane.words();
    for (int k = 0; k < BLOCKS; k++) {
      long block = (long) tile * BLOCKS + k;
      long at = plane.address(block, column);
      long from = block * plane.stride() + (long) column * BYTES;
      int to = k * ROWS;
      for (int i = 0; i < count; i++) {
        switch (type) {
          case F32 -> {
            long second = from + plane.stride() / 2;
            FloatVector.fromMemorySegment(FLOATS, memory, from, ORDER).intoArray(out, to);
            FloatVector.fromMemorySegment(FLOATS, memory, second, ORDER).intoArray(out, to + LANES);
            from += BYTES;
          }
          case BF16 -> {
            IntVector w = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
            w.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out, to);
            w.and(0xFFFF0000).reinterpretAsFloats().intoArray(out, to + LANES);
            at += BYTES;
          }
          default -> {
            for (int lane = 0; lane < LANES; lane++) {
              int w = memory.get(ValueLayout.JAVA_INT_UNALIGNED, at + (long) lane * Integer.BYTES);
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

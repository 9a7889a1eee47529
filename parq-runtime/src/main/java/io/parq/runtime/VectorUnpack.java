package io.parq.runtime;

import static io.parq.runtime.Memory.ALL;

import io.parq.grids.DType;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Unpacks words for products with several tokens. */
final class VectorUnpack {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final int TILE = Geometry.TILE;

  /** Vectors of a tile's rows. */
  private static final int VECTORS = TILE / LANES;

  /** Vectors of a row block. */
  private static final int PARTS = Geometry.BLOCK / LANES;

  /** Bytes from a row block's word to the next one. */
  private static final long NEXT = Plane.BLOCK_BYTES;

  /** Columns of the words of 3 bits; and of their fourth bits. */
  private static final int LOW = 24, HIGH = Geometry.UNIT - LOW;

  /** Bytes of four columns of a tile. */
  private static final long QUAD = 4L * TILE;

  /** Its bits and those of a whole number below are those of their sum. */
  private static final float WHOLE = 0x1p23f;

  private static final int WHOLE_BITS = Float.floatToRawIntBits(WHOLE);
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private VectorUnpack() {}

  /** Where the first word of a vector of rows is in a unit of columns. */
  private static long first(int vector, int bits) {
    return vector / PARTS * (bits * NEXT) + vector % PARTS * (long) BYTES;
  }

  /** {@link MatrixKernels#unpack}. */
  static void fields(
      Plane plane, int tile, int column, int count, float[] scales, float[] biases, float[] out) {
    int bits = plane.bits();
    int apart = Plane.apart(bits);
    int perWord = Integer.SIZE / apart;
    int columns = bits == 3 ? LOW : Geometry.UNIT;
    int mask = (1 << bits) - 1;
    long at = plane.address(tile, column);
    for (int unit = 0; unit < count; unit += Geometry.UNIT) {
      for (int turn = 0; turn < columns * VECTORS; turn++) {
        int vector = turn / columns;
        int i = turn % columns;
        int shift = i % 4 * Byte.SIZE + i % perWord / 4 * apart;
        int row = vector * LANES;
        long from = at + first(vector, bits) + i / perWord * NEXT;
        IntVector.fromMemorySegment(INTS, ALL, from, ORDER)
            .lanewise(VectorOperators.LSHR, shift)
            .and(mask)
            .or(WHOLE_BITS)
            .reinterpretAsFloats()
            .sub(WHOLE)
            .fma(
                FloatVector.fromArray(FLOATS, scales, row),
                FloatVector.fromArray(FLOATS, biases, row))
            .intoArray(out, (unit + i) * TILE + row);
      }
      if (bits == 3) {
        highFields(at, scales, biases, out, (unit + LOW) * TILE);
      }
      at += plane.unitBytes();
    }
  }

  /** The last columns of a unit of 3 bits. */
  private static void highFields(long at, float[] scales, float[] biases, float[] out, int to) {
    for (int turn = 0; turn < HIGH * VECTORS; turn++) {
      int vector = turn / HIGH;
      int i = turn % HIGH;
      int shift = i % 4 * Byte.SIZE + i / 4 * 4 + 3;
      int row = vector * LANES;
      long from = at + first(vector, 3);
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, from + NEXT, ORDER);
      IntVector w2 = IntVector.fromMemorySegment(INTS, ALL, from + 2 * NEXT, ORDER);
      IntVector f0 = w0.lanewise(VectorOperators.LSHR, shift).and(1);
      IntVector f1 = w1.lanewise(VectorOperators.LSHR, shift).and(1);
      IntVector f2 = w2.lanewise(VectorOperators.LSHR, shift).and(1);
      f0.or(f1.lanewise(VectorOperators.LSHL, 1))
          .or(f2.lanewise(VectorOperators.LSHL, 2))
          .or(WHOLE_BITS)
          .reinterpretAsFloats()
          .sub(WHOLE)
          .fma(
              FloatVector.fromArray(FLOATS, scales, row),
              FloatVector.fromArray(FLOATS, biases, row))
          .intoArray(out, to + i * TILE + row);
    }
  }

  /**
   * Unpacks columns of a tile into bytes, {@code [column / 4][row][column % 4]}: {@code field -
   * half}.
   *
   * @param out address
   */
  static void bytes(Plane plane, int tile, int column, int count, long out) {
    int bits = plane.bits();
    int apart = Plane.apart(bits);
    int mask = ((1 << bits) - 1) * 0x01010101;
    byte half = (byte) (1 << (bits - 1));
    int quads = Byte.SIZE / apart;
    long at = plane.address(tile, column);
    for (int unit = 0; unit < count; unit += Geometry.UNIT) {
      for (int vector = 0; vector < VECTORS; vector++) {
        long from = at + first(vector, bits);
        long to = out + vector * (long) BYTES;
        for (int i = 0; i < bits * quads; i++) {
          IntVector.fromMemorySegment(INTS, ALL, from + i / quads * NEXT, ORDER)
              .lanewise(VectorOperators.LSHR, i % quads * apart)
              .and(mask)
              .reinterpretAsBytes()
              .sub(half)
              .intoMemorySegment(ALL, to + i * QUAD, ORDER);
        }
        if (bits == 3) {
          highBytes(from, to + LOW / 4 * QUAD);
        }
      }
      at += plane.unitBytes();
      out += Geometry.UNIT / 4 * QUAD;
    }
  }

  /** The last columns of a vector of rows of 3 bits. */
  private static void highBytes(long from, long to) {
    IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
    IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, from + NEXT, ORDER);
    IntVector w2 = IntVector.fromMemorySegment(INTS, ALL, from + 2 * NEXT, ORDER);
    IntVector f0 = w0.lanewise(VectorOperators.LSHR, 3).and(0x11111111);
    IntVector f1 = w1.lanewise(VectorOperators.LSHR, 2).and(0x22222222);
    IntVector f2 = w2.lanewise(VectorOperators.LSHR, 1).and(0x44444444);
    IntVector rest = f0.or(f1).or(f2);
    rest.and(0x07070707).reinterpretAsBytes().sub((byte) 4).intoMemorySegment(ALL, to, ORDER);
    rest.lanewise(VectorOperators.LSHR, 4)
        .and(0x07070707)
        .reinterpretAsBytes()
        .sub((byte) 4)
        .intoMemorySegment(ALL, to + QUAD, ORDER);
  }

  /** Scales of a group of a tile, as floats. */
  static void scales(Scales scales, int tile, int group, long out) {
    long at = scales.address(tile, group);
    int rows = scales.brief() ? Scales.HALF : TILE;
    int mask = scales.brief() ? 0xFFFF0000 : -1;
    for (int row = 0; row < TILE; row += LANES) {
      int shift = scales.brief() && row < rows ? Short.SIZE : 0;
      IntVector.fromMemorySegment(INTS, ALL, at + row % rows * (long) Float.BYTES, ORDER)
          .lanewise(VectorOperators.LSHL, shift)
          .and(mask)
          .intoMemorySegment(ALL, out + row * (long) Float.BYTES, ORDER);
    }
  }

  /** {@link MatrixKernels#convert}. */
  static void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    int bits = plane.bits();
    long at = plane.address(tile, column);
    for (int unit = 0; unit < count; unit += Geometry.UNIT) {
      for (int turn = 0; turn < Geometry.UNIT * VECTORS; turn++) {
        int i = turn % Geometry.UNIT;
        int vector = turn / Geometry.UNIT;
        long from = at + first(vector, bits) + i * bits / Integer.SIZE * NEXT;
        int to = (unit + i) * TILE + vector * LANES;
        switch (type) {
          case F32 -> FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER).intoArray(out, to);
          case BF16 ->
              IntVector.fromMemorySegment(INTS, ALL, from, ORDER)
                  .lanewise(VectorOperators.LSHL, i % 2 == 0 ? 16 : 0)
                  .and(0xFFFF0000)
                  .reinterpretAsFloats()
                  .intoArray(out, to);
          default -> {
            long half = from + i % 2 * (long) Short.BYTES;
            for (int lane = 0; lane < LANES; lane++) {
              long one = half + (long) lane * Integer.BYTES;
              out[to + lane] = Float.float16ToFloat(ALL.get(ValueLayout.JAVA_SHORT_UNALIGNED, one));
            }
          }
        }
      }
      at += plane.unitBytes();
    }
  }
}

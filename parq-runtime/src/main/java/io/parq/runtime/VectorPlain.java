package io.parq.runtime;

import static io.parq.runtime.Memory.ALL;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of some columns of floats that are not quantized, as {@link VectorFloats} has those of
 * fields.
 */
final class VectorPlain {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();

  /** Vectors of a tile's rows. */
  private static final int VECTORS = Geometry.TILE / LANES;

  /** Vectors of a row block. */
  private static final int PARTS = Geometry.BLOCK / LANES;

  /** Bytes from a row block's word to the next one. */
  private static final long NEXT = Plane.BLOCK_BYTES;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;
  private static final int SIGN = 0x80000000;

  /** Half precision's exponent and fraction, moved to where single precision has them. */
  private static final int MAGNITUDE = 0x7FFF << 13;

  /** The difference of the exponents' biases. */
  private static final float FROM_HALF = 0x1p112f;

  private VectorPlain() {}

  /** Where a turn's words begin, of those of a unit of columns. */
  private static long from(int turn, int vector, int bits) {
    int block = vector / PARTS;
    int part = vector % PARTS;
    return (block * (long) bits + turn) * NEXT + part * (long) LANES * Integer.BYTES;
  }

  /** A unit of single precision. */
  static void singles(long at, float[] x, int column, float[] y, int yAt) {
    for (int turn = 0; turn < 4 * VECTORS; turn++) {
      int vector = turn / 4;
      long from = at + from(turn % 4 * 8, vector, 32);
      int i = column + turn % 4 * 8;
      int to = yAt + vector * LANES;
      FloatVector s = FloatVector.fromArray(FLOATS, y, to);
      FloatVector t = FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER).mul(x[i]);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 1]), s);
      t =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 2 * NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 2]), t);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 3 * NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 3]), s);
      t =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 4 * NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 4]), t);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 5 * NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 5]), s);
      t =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 6 * NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 6]), t);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 7 * NEXT, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 7]), s);
      s.add(t).intoArray(y, to);
    }
  }

  /** A unit of bfloat16: the upper half of a single-precision number. */
  static void brains(long at, float[] x, int column, float[] y, int yAt) {
    for (int turn = 0; turn < 4 * VECTORS; turn++) {
      int vector = turn / 4;
      long from = at + from(turn % 4 * 4, vector, 16);
      int i = column + turn % 4 * 8;
      int to = yAt + vector * LANES;
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, from + NEXT, ORDER);
      IntVector w2 = IntVector.fromMemorySegment(INTS, ALL, from + 2 * NEXT, ORDER);
      IntVector w3 = IntVector.fromMemorySegment(INTS, ALL, from + 3 * NEXT, ORDER);
      FloatVector a = FloatVector.fromArray(FLOATS, y, to);
      FloatVector b = w0.and(UPPER).reinterpretAsFloats().mul(x[i + 1]);
      a =
          w0.lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats()
              .fma(FloatVector.broadcast(FLOATS, x[i]), a);
      a =
          w1.lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats()
              .fma(FloatVector.broadcast(FLOATS, x[i + 2]), a);
      b = w1.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[i + 3]), b);
      a =
          w2.lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats()
              .fma(FloatVector.broadcast(FLOATS, x[i + 4]), a);
      b = w2.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[i + 5]), b);
      a =
          w3.lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats()
              .fma(FloatVector.broadcast(FLOATS, x[i + 6]), a);
      b = w3.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[i + 7]), b);
      a.add(b).intoArray(y, to);
    }
  }

  /** A unit of half precision; infinities become 65536 and NaN larger. */
  static void halves(long at, float[] x, int column, float[] y, int yAt) {
    for (int turn = 0; turn < 8 * VECTORS; turn++) {
      int vector = turn / 8;
      long from = at + from(turn % 8 * 2, vector, 16);
      int i = column + turn % 8 * 4;
      int to = yAt + vector * LANES;
      FloatVector a = FloatVector.fromArray(FLOATS, y, to);
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
      IntVector l0 = w0.lanewise(VectorOperators.LSHL, 16);
      IntVector a0 = l0.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(l0.and(SIGN));
      IntVector b0 = w0.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(w0.and(SIGN));
      FloatVector b = b0.reinterpretAsFloats().mul(x[i + 1] * FROM_HALF);
      a = a0.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[i] * FROM_HALF), a);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, from + NEXT, ORDER);
      IntVector l1 = w1.lanewise(VectorOperators.LSHL, 16);
      IntVector a1 = l1.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(l1.and(SIGN));
      IntVector b1 = w1.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(w1.and(SIGN));
      a = a1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[i + 2] * FROM_HALF), a);
      b = b1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x[i + 3] * FROM_HALF), b);
      a.add(b).intoArray(y, to);
    }
  }
}

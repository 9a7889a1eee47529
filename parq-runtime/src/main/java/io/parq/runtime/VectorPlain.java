package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;
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
  private static final int ROWS = 2 * LANES;
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;
  private static final int SIGN = 0x80000000;

  /** Half precision's exponent and fraction, moved to where single precision has them. */
  private static final int MAGNITUDE = 0x7FFF << 13;

  /** The difference of the exponents' biases. */
  private static final float FROM_HALF = 0x1p112f;

  private VectorPlain() {}

  /** Single precision: halves of row blocks are read side by side too, some columns at a time. */
  static void singles(Plane plane, int tile, float[] x, int first, int end, float[] y, int yAt) {
    long stride = plane.stride() / 2;
    long at = plane.address(tile, 0) + (long) first * BYTES;
    for (int turn = 0; turn < (end - first) / 8 * 2 * BLOCKS; turn++) {
      int k = turn % (2 * BLOCKS);
      int step = turn / (2 * BLOCKS);
      int i = first + 8 * step;
      long from = at + k * stride + step * 8L * BYTES;
      int to = yAt + k * LANES;
      FloatVector s = FloatVector.fromArray(FLOATS, y, to);
      FloatVector t = FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER).mul(x[i]);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 1]), s);
      t =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 2L * BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 2]), t);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 3L * BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 3]), s);
      t =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 4L * BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 4]), t);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 5L * BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 5]), s);
      t =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 6L * BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 6]), t);
      s =
          FloatVector.fromMemorySegment(FLOATS, ALL, from + 7L * BYTES, ORDER)
              .fma(FloatVector.broadcast(FLOATS, x[i + 7]), s);
      s.add(t).intoArray(y, to);
    }
  }

  /** bfloat16: the upper half of a single-precision number. */
  static void brains(Plane plane, int tile, float[] x, int first, int end, float[] y, int yAt) {
    long stride = plane.stride();
    long at = plane.address(tile, 0) + (long) first * BYTES;
    for (int turn = 0; turn < (end - first) / 4 * BLOCKS; turn++) {
      int k = turn % BLOCKS;
      int step = turn / BLOCKS;
      int i = first + 4 * step;
      FloatVector x0 = FloatVector.broadcast(FLOATS, x[i]);
      FloatVector x1 = FloatVector.broadcast(FLOATS, x[i + 1]);
      FloatVector x2 = FloatVector.broadcast(FLOATS, x[i + 2]);
      FloatVector x3 = FloatVector.broadcast(FLOATS, x[i + 3]);
      long from = at + k * stride + step * 4L * BYTES;
      int to = yAt + k * ROWS;
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, from + BYTES, ORDER);
      IntVector w2 = IntVector.fromMemorySegment(INTS, ALL, from + 2L * BYTES, ORDER);
      IntVector w3 = IntVector.fromMemorySegment(INTS, ALL, from + 3L * BYTES, ORDER);
      FloatVector a = FloatVector.fromArray(FLOATS, y, to);
      a = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, a);
      a = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x1, a);
      a = w2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, a);
      w3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x3, a).intoArray(y, to);
      FloatVector b = FloatVector.fromArray(FLOATS, y, to + LANES);
      b = w0.and(UPPER).reinterpretAsFloats().fma(x0, b);
      b = w1.and(UPPER).reinterpretAsFloats().fma(x1, b);
      b = w2.and(UPPER).reinterpretAsFloats().fma(x2, b);
      w3.and(UPPER).reinterpretAsFloats().fma(x3, b).intoArray(y, to + LANES);
    }
  }

  /** Half precision; infinities become 65536 and NaN larger. */
  static void halves(Plane plane, int tile, float[] x, int first, int end, float[] y, int yAt) {
    long stride = plane.stride();
    long at = plane.address(tile, 0) + (long) first * BYTES;
    for (int turn = 0; turn < (end - first) / 2 * BLOCKS; turn++) {
      int k = turn % BLOCKS;
      int step = turn / BLOCKS;
      int i = first + 2 * step;
      float x0 = x[i] * FROM_HALF;
      float x1 = x[i + 1] * FROM_HALF;
      long from = at + k * stride + step * 2L * BYTES;
      int to = yAt + k * ROWS;
      FloatVector a = FloatVector.fromArray(FLOATS, y, to);
      FloatVector b = FloatVector.fromArray(FLOATS, y, to + LANES);
      IntVector w0 = IntVector.fromMemorySegment(INTS, ALL, from, ORDER);
      IntVector l0 = w0.lanewise(VectorOperators.LSHL, 16);
      IntVector a0 = l0.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(l0.and(SIGN));
      IntVector b0 = w0.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(w0.and(SIGN));
      a = a0.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x0), a);
      b = b0.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x0), b);
      IntVector w1 = IntVector.fromMemorySegment(INTS, ALL, from + BYTES, ORDER);
      IntVector l1 = w1.lanewise(VectorOperators.LSHL, 16);
      IntVector a1 = l1.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(l1.and(SIGN));
      IntVector b1 = w1.lanewise(VectorOperators.LSHR, 3).and(MAGNITUDE).or(w1.and(SIGN));
      a = a1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x1), a);
      b = b1.reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, x1), b);
      a.intoArray(y, to);
      b.intoArray(y, to + LANES);
    }
  }
}

package io.parq.runtime;

import static io.parq.runtime.MatrixKernels.BLOCKS;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Products of floats that are not quantized, as {@link VectorFloats} has those of fields. */
final class VectorPlain {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int UPPER = 0xFFFF0000;
  private static final int SIGN = 0x80000000;

  /** Half precision's exponent and fraction, moved to where single precision has them. */
  private static final int MAGNITUDE = 0x7FFF << 13;

  /** The difference of the exponents' biases. */
  private static final float FROM_HALF = 0x1p112f;

  private VectorPlain() {}

  /** Single precision: halves of row blocks are read side by side too. */
  static void singles(Plane plane, int tile, float[] x, float[] y, int yAt) {
    MemorySegment memory = plane.words();
    long stride = plane.stride() / 2;
    long at = plane.address((long) tile * BLOCKS, 0);
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = FloatVector.zero(FLOATS);
    FloatVector s2 = FloatVector.zero(FLOATS);
    FloatVector s3 = FloatVector.zero(FLOATS);
    FloatVector s4 = FloatVector.zero(FLOATS);
    FloatVector s5 = FloatVector.zero(FLOATS);
    FloatVector s6 = FloatVector.zero(FLOATS);
    FloatVector s7 = FloatVector.zero(FLOATS);
    for (float value : x) {
      FloatVector v = FloatVector.broadcast(FLOATS, value);
      s0 = FloatVector.fromMemorySegment(FLOATS, memory, at, ORDER).fma(v, s0);
      s1 = FloatVector.fromMemorySegment(FLOATS, memory, at + stride, ORDER).fma(v, s1);
      s2 = FloatVector.fromMemorySegment(FLOATS, memory, at + 2 * stride, ORDER).fma(v, s2);
      s3 = FloatVector.fromMemorySegment(FLOATS, memory, at + 3 * stride, ORDER).fma(v, s3);
      s4 = FloatVector.fromMemorySegment(FLOATS, memory, at + 4 * stride, ORDER).fma(v, s4);
      s5 = FloatVector.fromMemorySegment(FLOATS, memory, at + 5 * stride, ORDER).fma(v, s5);
      s6 = FloatVector.fromMemorySegment(FLOATS, memory, at + 6 * stride, ORDER).fma(v, s6);
      s7 = FloatVector.fromMemorySegment(FLOATS, memory, at + 7 * stride, ORDER).fma(v, s7);
      at += BYTES;
    }
    s0.add(FloatVector.fromArray(FLOATS, y, yAt)).intoArray(y, yAt);
    s1.add(FloatVector.fromArray(FLOATS, y, yAt + LANES)).intoArray(y, yAt + LANES);
    s2.add(FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES)).intoArray(y, yAt + 2 * LANES);
    s3.add(FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES)).intoArray(y, yAt + 3 * LANES);
    s4.add(FloatVector.fromArray(FLOATS, y, yAt + 4 * LANES)).intoArray(y, yAt + 4 * LANES);
    s5.add(FloatVector.fromArray(FLOATS, y, yAt + 5 * LANES)).intoArray(y, yAt + 5 * LANES);
    s6.add(FloatVector.fromArray(FLOATS, y, yAt + 6 * LANES)).intoArray(y, yAt + 6 * LANES);
    s7.add(FloatVector.fromArray(FLOATS, y, yAt + 7 * LANES)).intoArray(y, yAt + 7 * LANES);
  }

  /** bfloat16: the upper half of a single-precision number. */
  static void brains(Plane plane, int tile, float[] x, float[] y, int yAt) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    long at = plane.address((long) tile * BLOCKS, 0);
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b3 = FloatVector.zero(FLOATS);
    for (float value : x) {
      FloatVector v = FloatVector.broadcast(FLOATS, value);
      IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
      IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
      IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
      a0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(v, a0);
      b0 = w0.and(UPPER).reinterpretAsFloats().fma(v, b0);
      a1 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(v, a1);
      b1 = w1.and(UPPER).reinterpretAsFloats().fma(v, b1);
      a2 = w2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(v, a2);
      b2 = w2.and(UPPER).reinterpretAsFloats().fma(v, b2);
      a3 = w3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(v, a3);
      b3 = w3.and(UPPER).reinterpretAsFloats().fma(v, b3);
      at += BYTES;
    }
    a0.add(FloatVector.fromArray(FLOATS, y, yAt + 0 * LANES)).intoArray(y, yAt + 0 * LANES);
    b0.add(FloatVector.fromArray(FLOATS, y, yAt + 1 * LANES)).intoArray(y, yAt + 1 * LANES);
    a1.add(FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES)).intoArray(y, yAt + 2 * LANES);
    b1.add(FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES)).intoArray(y, yAt + 3 * LANES);
    a2.add(FloatVector.fromArray(FLOATS, y, yAt + 4 * LANES)).intoArray(y, yAt + 4 * LANES);
    b2.add(FloatVector.fromArray(FLOATS, y, yAt + 5 * LANES)).intoArray(y, yAt + 5 * LANES);
    a3.add(FloatVector.fromArray(FLOATS, y, yAt + 6 * LANES)).intoArray(y, yAt + 6 * LANES);
    b3.add(FloatVector.fromArray(FLOATS, y, yAt + 7 * LANES)).intoArray(y, yAt + 7 * LANES);
  }

  /** Half precision; infinities become 65536 and NaN larger. */
  static void halves(Plane plane, int tile, float[] x, float[] y, int yAt) {
    MemorySegment memory = plane.words();
    long stride = plane.stride();
    long at = plane.address((long) tile * BLOCKS, 0);
    IntVector sign = IntVector.broadcast(INTS, SIGN);
    IntVector magnitude = IntVector.broadcast(INTS, MAGNITUDE);
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b3 = FloatVector.zero(FLOATS);
    for (float value : x) {
      FloatVector v = FloatVector.broadcast(FLOATS, value * FROM_HALF);
      IntVector w0 = IntVector.fromMemorySegment(INTS, memory, at, ORDER);
      IntVector w1 = IntVector.fromMemorySegment(INTS, memory, at + stride, ORDER);
      IntVector w2 = IntVector.fromMemorySegment(INTS, memory, at + 2 * stride, ORDER);
      IntVector w3 = IntVector.fromMemorySegment(INTS, memory, at + 3 * stride, ORDER);
      IntVector l0 = w0.lanewise(VectorOperators.LSHL, 16);
      IntVector ma0 = l0.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      a0 = l0.and(sign).or(ma0).reinterpretAsFloats().fma(v, a0);
      IntVector mb0 = w0.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      b0 = w0.and(sign).or(mb0).reinterpretAsFloats().fma(v, b0);
      IntVector l1 = w1.lanewise(VectorOperators.LSHL, 16);
      IntVector ma1 = l1.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      a1 = l1.and(sign).or(ma1).reinterpretAsFloats().fma(v, a1);
      IntVector mb1 = w1.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      b1 = w1.and(sign).or(mb1).reinterpretAsFloats().fma(v, b1);
      IntVector l2 = w2.lanewise(VectorOperators.LSHL, 16);
      IntVector ma2 = l2.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      a2 = l2.and(sign).or(ma2).reinterpretAsFloats().fma(v, a2);
      IntVector mb2 = w2.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      b2 = w2.and(sign).or(mb2).reinterpretAsFloats().fma(v, b2);
      IntVector l3 = w3.lanewise(VectorOperators.LSHL, 16);
      IntVector ma3 = l3.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      a3 = l3.and(sign).or(ma3).reinterpretAsFloats().fma(v, a3);
      IntVector mb3 = w3.lanewise(VectorOperators.LSHR, 3).and(magnitude);
      b3 = w3.and(sign).or(mb3).reinterpretAsFloats().fma(v, b3);
      at += BYTES;
    }
    a0.add(FloatVector.fromArray(FLOATS, y, yAt + 0 * LANES)).intoArray(y, yAt + 0 * LANES);
    b0.add(FloatVector.fromArray(FLOATS, y, yAt + 1 * LANES)).intoArray(y, yAt + 1 * LANES);
    a1.add(FloatVector.fromArray(FLOATS, y, yAt + 2 * LANES)).intoArray(y, yAt + 2 * LANES);
    b1.add(FloatVector.fromArray(FLOATS, y, yAt + 3 * LANES)).intoArray(y, yAt + 3 * LANES);
    a2.add(FloatVector.fromArray(FLOATS, y, yAt + 4 * LANES)).intoArray(y, yAt + 4 * LANES);
    b2.add(FloatVector.fromArray(FLOATS, y, yAt + 5 * LANES)).intoArray(y, yAt + 5 * LANES);
    a3.add(FloatVector.fromArray(FLOATS, y, yAt + 6 * LANES)).intoArray(y, yAt + 6 * LANES);
    b3.add(FloatVector.fromArray(FLOATS, y, yAt + 7 * LANES)).intoArray(y, yAt + 7 * LANES);
  }
}

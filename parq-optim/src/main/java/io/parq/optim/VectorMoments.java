package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Loops over the Vector API that read and write moments in bfloat16 where they are kept. */
final class VectorMoments {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
  private static final int LANES = FLOATS.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int MAGNITUDE = 0x7fffffff;
  private static final int NOT_FINITE = 0x7f800000;
  private static final int NOT_A_NUMBER = 0x7fc0;

  private VectorMoments() {}

  /** As the loop of {@link VectorUpdates#adam}, between rounded moments; returns the same. */
  static boolean adam(
      AdamUpdate c,
      float[] latents,
      boolean hasLatents,
      MemorySegment weights,
      long weightsStart,
      MemorySegment gradient,
      long gradientStart,
      short[] m,
      short[] v,
      int length) {
    VectorUpdates.checkNative(weights);
    VectorUpdates.checkNative(gradient);
    float decayFactor = c.decayFactor();
    float l2 = c.l2();
    boolean fromStart = c.isFromStart();
    float share = fromStart ? c.firstShare() : 1f - c.firstShare();
    float beta2 = c.beta2();
    float secondShare = c.secondShare();
    float minusStepSize = c.minusStepSize();
    float correction = c.correction();
    float epsilon = c.epsilon();
    long notFinite = 0;
    for (int i = 0; i < length; i += LANES) {
      FloatVector x =
          hasLatents
              ? FloatVector.fromArray(FLOATS, latents, i)
              : FloatVector.fromMemorySegment(FLOATS, weights, weightsStart + 4L * i, ORDER);
      FloatVector g =
          FloatVector.fromMemorySegment(FLOATS, gradient, gradientStart + 4L * i, ORDER);
      FloatVector old =
          ((IntVector)
                  ShortVector.fromArray(SHORTS, m, i).convertShape(VectorOperators.S2I, INTS, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector oldSquare =
          ((IntVector)
                  ShortVector.fromArray(SHORTS, v, i).convertShape(VectorOperators.S2I, INTS, 0))
              .lanewise(VectorOperators.LSHL, 16)
              .reinterpretAsFloats();
      FloatVector d = g.add(x.mul(l2));
      FloatVector first = fromStart ? old.add(d.sub(old).mul(share)) : d.sub(d.sub(old).mul(share));
      FloatVector second = oldSquare.mul(beta2).add(d.mul(secondShare).mul(d));
      FloatVector denominator = second.sqrt().div(correction).add(epsilon);
      FloatVector y = x.mul(decayFactor).add(first.mul(minusStepSize).div(denominator));
      // Their bits last: the compiler keeps in memory what is used as numbers after that.
      IntVector a = first.reinterpretAsInts();
      VectorMask<Integer> aIsNan = a.and(MAGNITUDE).compare(VectorOperators.GT, NOT_FINITE);
      a = a.add(a.lanewise(VectorOperators.LSHR, 16).and(1).add(0x7fff));
      a = a.lanewise(VectorOperators.LSHR, 16).blend(NOT_A_NUMBER, aIsNan);
      ((ShortVector) a.convertShape(VectorOperators.I2S, SHORTS, 0)).intoArray(m, i);
      IntVector b = second.reinterpretAsInts();
      VectorMask<Integer> bIsNan = b.and(MAGNITUDE).compare(VectorOperators.GT, NOT_FINITE);
      b = b.add(b.lanewise(VectorOperators.LSHR, 16).and(1).add(0x7fff));
      b = b.lanewise(VectorOperators.LSHR, 16).blend(NOT_A_NUMBER, bIsNan);
      ((ShortVector) b.convertShape(VectorOperators.I2S, SHORTS, 0)).intoArray(v, i);
      if (hasLatents) {
        y.intoArray(latents, i);
      } else {
        y.intoMemorySegment(weights, weightsStart + 4L * i, ORDER);
      }
      IntVector magnitude = y.reinterpretAsInts().and(MAGNITUDE);
      notFinite |= magnitude.compare(VectorOperators.GE, NOT_FINITE).toLong();
    }
    return notFinite == 0;
  }
}

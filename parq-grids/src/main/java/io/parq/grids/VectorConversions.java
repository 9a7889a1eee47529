package io.parq.grids;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Loops over the Vector API: the compiler vectorizes none that sees floats as their bits. */
final class VectorConversions implements ConversionKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
  private static final int LANES = FLOATS.length();
  private static final int NOT_A_NUMBER = 0x7fc0;

  private final ScalarConversions scalar = new ScalarConversions();

  VectorConversions() {}

  @Override
  public void toBf16(float[] values, int from, short[] bits, int at, int length) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector x = FloatVector.fromArray(FLOATS, values, from + i);
      IntVector wide = x.reinterpretAsInts();
      IntVector odd = wide.lanewise(VectorOperators.LSHR, 16).and(1);
      IntVector rounded = wide.add(0x7fff).add(odd).lanewise(VectorOperators.LSHR, 16);
      IntVector result = rounded.blend(NOT_A_NUMBER, x.test(VectorOperators.IS_NAN).cast(INTS));
      ((ShortVector) result.convertShape(VectorOperators.I2S, SHORTS, 0)).intoArray(bits, at + i);
    }
    scalar.toBf16(values, from + i, bits, at + i, length - i);
  }

  @Override
  public void fromBf16(short[] bits, int from, float[] values, int at, int length) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      ShortVector narrow = ShortVector.fromArray(SHORTS, bits, from + i);
      IntVector wide = (IntVector) narrow.convertShape(VectorOperators.S2I, INTS, 0);
      wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(values, at + i);
    }
    scalar.fromBf16(bits, from + i, values, at + i, length - i);
  }
}

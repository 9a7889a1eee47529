package io.parq.grids;

/** Plain loops, and the last elements of the vector ones. */
final class ScalarConversions implements ConversionKernels {
  @Override
  public void toBf16(float[] values, int from, short[] bits, int at, int length) {
    for (int i = 0; i < length; i++) {
      bits[at + i] = SmallFloat.toBf16(values[from + i]);
    }
  }

  @Override
  public void fromBf16(short[] bits, int from, float[] values, int at, int length) {
    for (int i = 0; i < length; i++) {
      values[at + i] = SmallFloat.fromBf16(bits[from + i]);
    }
  }
}

package io.parq.optim;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loops over the Vector API for {@link DynamicMap}. What is looked up goes by way of an array of
 * indices, {@link Moments#BLOCK} of them.
 */
final class VectorDynamicMap {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(
          byte.class, VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 4)));
  private static final int LANES = FLOATS.length();

  private VectorDynamicMap() {}

  /** {@link DynamicMap#decode}. */
  static void decode(
      DynamicMap map, byte[] codes, float scale, float[] x, int from, int length, int[] indices) {
    float[] table = map.table();
    int whole = length - length % LANES;
    for (int i = 0; i < whole; i++) {
      indices[i] = codes[from + i] & 0xff;
    }
    for (int i = 0; i < whole; i += LANES) {
      FloatVector.fromArray(FLOATS, table, 0, indices, i).mul(scale).intoArray(x, from + i);
    }
    map.decode(codes, scale, x, from + whole, length - whole);
  }

  /** {@link DynamicMap#encode}. */
  static void encode(
      DynamicMap map, float[] x, float scale, byte[] codes, int from, int length, int[] indices) {
    int[] entries = map.entries();
    int trailing = map.trailing();
    int mask = (1 << trailing) - 1;
    int whole = from + length - length % LANES;
    for (int i = from; i < whole; i += LANES) {
      IntVector bits = FloatVector.fromArray(FLOATS, x, i).div(scale).reinterpretAsInts();
      IntVector sign = bits.lanewise(VectorOperators.ASHR, 31).and(map.signs());
      IntVector magnitude = bits.and(Integer.MAX_VALUE).max(DynamicMap.LEAST).min(DynamicMap.MOST);
      IntVector above = magnitude.sub(DynamicMap.LEAST);
      above
          .lanewise(VectorOperators.LSHR, trailing)
          .add(sign.and(map.negatives()))
          .intoArray(indices, 0);
      IntVector entry = IntVector.fromArray(INTS, entries, 0, indices, 0);
      IntVector passed =
          entry
              .and(DynamicMap.LIMIT)
              .sub(1)
              .sub(above.and(mask))
              .lanewise(VectorOperators.ASHR, 31);
      IntVector code =
          entry
              .lanewise(VectorOperators.LSHR, DynamicMap.LIMIT_BITS)
              .sub(passed.lanewise(VectorOperators.XOR, sign).sub(sign));
      ((ByteVector) code.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, i);
    }
    map.encode(x, scale, codes, whole, from + length - whole);
  }
}

package io.parq.optim;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
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

  /** {@link DynamicMap#decode}; the table fits in registers if vectors have sixteen lanes. */
  static void decode(DynamicMap map, byte[] codes, float scale, float[] x, int from, int length) {
    int whole = LANES == 16 ? length - length % 16 : 0;
    decode16(map.bits(), codes, scale, x, from, whole);
    map.decode(codes, scale, x, from + whole, length - whole);
  }

  /** The table is loaded in each turn: the compiler does so once, and knows what it is. */
  private static void decode16(
      int[] table, byte[] codes, float scale, float[] x, int from, int length) {
    for (int i = from; i < from + length; i += 16) {
      IntVector t0 = IntVector.fromArray(INTS, table, 0);
      IntVector t1 = IntVector.fromArray(INTS, table, 16);
      IntVector t2 = IntVector.fromArray(INTS, table, 32);
      IntVector t3 = IntVector.fromArray(INTS, table, 48);
      IntVector t4 = IntVector.fromArray(INTS, table, 64);
      IntVector t5 = IntVector.fromArray(INTS, table, 80);
      IntVector t6 = IntVector.fromArray(INTS, table, 96);
      IntVector t7 = IntVector.fromArray(INTS, table, 112);
      IntVector t8 = IntVector.fromArray(INTS, table, 128);
      IntVector t9 = IntVector.fromArray(INTS, table, 144);
      IntVector t10 = IntVector.fromArray(INTS, table, 160);
      IntVector t11 = IntVector.fromArray(INTS, table, 176);
      IntVector t12 = IntVector.fromArray(INTS, table, 192);
      IntVector t13 = IntVector.fromArray(INTS, table, 208);
      IntVector t14 = IntVector.fromArray(INTS, table, 224);
      IntVector t15 = IntVector.fromArray(INTS, table, 240);
      ByteVector bytes = ByteVector.fromArray(BYTES, codes, i);
      IntVector c = (IntVector) bytes.convertShape(VectorOperators.B2I, INTS, 0);
      VectorMask<Integer> odd = c.and(32).compare(VectorOperators.NE, 0);
      VectorMask<Integer> upper = c.and(64).compare(VectorOperators.NE, 0);
      IntVector a = c.selectFrom(t0, t1).blend(c.selectFrom(t2, t3), odd);
      IntVector b = c.selectFrom(t4, t5).blend(c.selectFrom(t6, t7), odd);
      IntVector d = c.selectFrom(t8, t9).blend(c.selectFrom(t10, t11), odd);
      IntVector e = c.selectFrom(t12, t13).blend(c.selectFrom(t14, t15), odd);
      VectorMask<Integer> half = c.compare(VectorOperators.LT, 0);
      IntVector value = a.blend(b, upper).blend(d.blend(e, upper), half);
      value.reinterpretAsFloats().mul(scale).intoArray(x, i);
    }
  }

  /**
   * {@link DynamicMap#encode} in three loops: places in the table, plain loads from there, which
   * are faster than gathering, and codes.
   */
  static void encode(
      DynamicMap map, float[] x, float scale, byte[] codes, int from, int length, int[] indices) {
    int[] entries = map.entries();
    int trailing = map.trailing();
    int signs = map.signs();
    int negatives = map.negatives();
    int whole = length - length % LANES;
    for (int i = 0; i < whole; i += LANES) {
      FloatVector y = FloatVector.fromArray(FLOATS, x, from + i).div(scale);
      y.intoArray(x, from + i);
      IntVector bits = y.reinterpretAsInts();
      IntVector magnitude = bits.and(Integer.MAX_VALUE).max(DynamicMap.LEAST).min(DynamicMap.MOST);
      IntVector place = magnitude.sub(DynamicMap.LEAST).lanewise(VectorOperators.LSHR, trailing);
      place.add(bits.lanewise(VectorOperators.ASHR, 31).and(negatives)).intoArray(indices, i);
    }
    for (int i = 0; i < whole; i++) {
      indices[i] = entries[indices[i]];
    }
    int mask = (1 << trailing) - 1;
    for (int i = 0; i < whole; i += LANES) {
      IntVector bits = FloatVector.fromArray(FLOATS, x, from + i).reinterpretAsInts();
      IntVector sign = bits.lanewise(VectorOperators.ASHR, 31).and(signs);
      IntVector magnitude = bits.and(Integer.MAX_VALUE).max(DynamicMap.LEAST).min(DynamicMap.MOST);
      IntVector rest = magnitude.sub(DynamicMap.LEAST).and(mask);
      IntVector entry = IntVector.fromArray(INTS, indices, i);
      IntVector passed =
          entry.and(DynamicMap.LIMIT).sub(1).sub(rest).lanewise(VectorOperators.ASHR, 31);
      IntVector code =
          entry
              .lanewise(VectorOperators.LSHR, DynamicMap.LIMIT_BITS)
              .sub(passed.lanewise(VectorOperators.XOR, sign).sub(sign));
      ByteVector narrow = (ByteVector) code.convertShape(VectorOperators.I2B, BYTES, 0);
      narrow.intoArray(codes, from + i);
    }
    map.encode(x, scale, codes, from + whole, length - whole);
  }
}

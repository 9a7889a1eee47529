package io.parq.export;

import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * As {@link ScalarPacking}, several words at a time. Packed words lie side by side, so their bytes
 * are moved to the beginnings of longs, or from there.
 */
final class VectorPacking implements PackingKernels {
  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_PREFERRED;
  private static final int LENGTH = BYTES.length();
  private static final int WORDS = LENGTH / Long.BYTES;

  /** By bits: where each byte of longs comes from, and where each packed byte comes from. */
  private static final VectorShuffle<Byte>[] APART = shuffles(true);

  private static final VectorShuffle<Byte>[] TOGETHER = shuffles(false);

  VectorPacking() {
    if (LENGTH > ROOM) {
      throw new IllegalStateException("vectors of %d bytes, expected %d".formatted(LENGTH, ROOM));
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static VectorShuffle<Byte>[] shuffles(boolean apart) {
    VectorShuffle<Byte>[] shuffles = new VectorShuffle[9];
    for (int bits = 1; bits <= 8; bits++) {
      int[] from = new int[LENGTH];
      for (int word = 0; word < WORDS; word++) {
        for (int i = 0; i < bits; i++) {
          int packed = word * bits + i;
          int spread = word * Long.BYTES + i;
          from[apart ? spread : packed] = apart ? packed : spread;
        }
      }
      shuffles[bits] = VectorShuffle.fromArray(BYTES, from, 0);
    }
    return shuffles;
  }

  @Override
  public boolean pack(Packing packing, byte[] codes, int length, byte[] packed) {
    Arrays.fill(codes, length, length + ROOM, (byte) packing.minCode());
    VectorShuffle<Byte> together = TOGETHER[packing.bits()];
    int bits = packing.bits();
    long low1 = low(bits, 1, 0x0001_0001_0001_0001L);
    long low2 = low(bits, 2, 0x0000_0001_0000_0001L);
    long low4 = low(bits, 4, 1);
    int gap = 8 - bits;
    byte least = (byte) packing.minCode();
    byte most = (byte) (packing.maxCode() - packing.minCode());
    long beyond = 0;
    int position = 0;
    for (int i = 0; i < length; i += LENGTH) {
      ByteVector index = ByteVector.fromArray(BYTES, codes, i).sub(least);
      beyond |= index.compare(VectorOperators.UGT, most).toLong();
      LongVector word = index.reinterpretAsLongs();
      LongVector high = word.lanewise(VectorOperators.LSHR, gap).and(low1 << bits);
      word = word.and(low1).or(high);
      high = word.lanewise(VectorOperators.LSHR, 2L * gap).and(low2 << (2 * bits));
      word = word.and(low2).or(high);
      high = word.lanewise(VectorOperators.LSHR, 4L * gap).and(low4 << (4 * bits));
      word = word.and(low4).or(high);
      word.reinterpretAsBytes().rearrange(together).intoArray(packed, position);
      position += WORDS * bits;
    }
    return beyond == 0;
  }

  @Override
  public boolean unpack(Packing packing, byte[] packed, int length, byte[] codes) {
    int bytes = (int) packing.rowBytes(length);
    Arrays.fill(packed, bytes, bytes + ROOM, (byte) 0);
    VectorShuffle<Byte> apart = APART[packing.bits()];
    int bits = packing.bits();
    long low1 = low(bits, 1, 0x0001_0001_0001_0001L);
    long low2 = low(bits, 2, 0x0000_0001_0000_0001L);
    long low4 = low(bits, 4, 1);
    int gap = 8 - bits;
    byte least = (byte) packing.minCode();
    byte most = (byte) (packing.maxCode() - packing.minCode());
    long beyond = 0;
    int position = 0;
    for (int i = 0; i < length; i += LENGTH) {
      LongVector word =
          ByteVector.fromArray(BYTES, packed, position).rearrange(apart).reinterpretAsLongs();
      LongVector high = word.lanewise(VectorOperators.LSHL, 4L * gap).and(low4 << 32);
      word = word.and(low4).or(high);
      high = word.lanewise(VectorOperators.LSHL, 2L * gap).and(low2 << 16);
      word = word.and(low2).or(high);
      high = word.lanewise(VectorOperators.LSHL, gap).and(low1 << 8);
      word = word.and(low1).or(high);
      ByteVector index = word.reinterpretAsBytes();
      beyond |= index.compare(VectorOperators.UGT, most).toLong();
      index.add(least).intoArray(codes, i);
      position += WORDS * bits;
    }
    return beyond == 0;
  }

  /** The bits of so many codes at each place. */
  private static long low(int bits, int codes, long places) {
    return ((1L << (codes * bits)) - 1) * places;
  }
}

package io.parq.export;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Eight codes at a time, in a long: they make one word of {@code 8 * bits} bits. */
final class ScalarPacking implements PackingKernels {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** A one in each byte, and the highest bit of each. */
  private static final long ONES = 0x0101_0101_0101_0101L;

  private static final long HIGH = 0x8080_8080_8080_8080L;

  ScalarPacking() {}

  /** What is written beyond a word is overwritten. */
  @Override
  public boolean pack(Packing packing, byte[] codes, int length, byte[] packed) {
    // Of index 0, to fill up the last word.
    Arrays.fill(codes, length, length + Long.BYTES, (byte) packing.minCode());
    int bits = packing.bits();
    long offset = (-packing.minCode() & 0xff) * ONES;
    long wrong = 0;
    int position = 0;
    for (int i = 0; i < length; i += 8) {
      long word = add((long) LONG.get(codes, i), offset);
      wrong |= beyond(packing, word);
      LONG.set(packed, position, gather(word, bits));
      position += bits;
    }
    return wrong == 0;
  }

  @Override
  public boolean unpack(Packing packing, byte[] packed, int length, byte[] codes) {
    // Of index 0, to fill up the last word.
    LONG.set(packed, (int) packing.rowBytes(length), 0L);
    int bits = packing.bits();
    long offset = (packing.minCode() & 0xff) * ONES;
    long wrong = 0;
    int position = 0;
    for (int i = 0; i < length; i += 8) {
      long word = scatter((long) LONG.get(packed, position), bits);
      wrong |= beyond(packing, word);
      LONG.set(codes, i, add(word, offset));
      position += bits;
    }
    return wrong == 0;
  }

  /** Adds bytes, each by itself. */
  private static long add(long a, long b) {
    return ((a & ~HIGH) + (b & ~HIGH)) ^ ((a ^ b) & HIGH);
  }

  /** A bit for each byte that is no index of a code. */
  private static long beyond(Packing packing, long word) {
    int largest = packing.maxCode() - packing.minCode();
    long carry = (word & ~HIGH) + (0x7f - (largest & 0x7f)) * ONES;
    return (largest < 0x80 ? carry | word : carry & word) & HIGH;
  }

  /** Moves the lowest bits of all bytes together: of pairs, of pairs of these, of both halves. */
  private static long gather(long word, int bits) {
    long pairs = close(word, bits, 1, 0x0001_0001_0001_0001L);
    return close(close(pairs, bits, 2, 0x0000_0001_0000_0001L), bits, 4, 1);
  }

  /** The reverse; what is above {@code 8 * bits} does not matter. */
  private static long scatter(long word, int bits) {
    long pairs = part(part(word, bits, 4, 1), bits, 2, 0x0000_0001_0000_0001L);
    return part(pairs, bits, 1, 0x0001_0001_0001_0001L);
  }

  /** Closes the gap between runs of codes and the next ones, wherever a place begins. */
  private static long close(long word, int bits, int codes, long places) {
    long low = ((1L << (codes * bits)) - 1) * places;
    return (word & low) | ((word >>> (codes * (8 - bits))) & (low << (codes * bits)));
  }

  private static long part(long word, int bits, int codes, long places) {
    long low = ((1L << (codes * bits)) - 1) * places;
    return (word & low) | ((word << (codes * (8 - bits))) & (low << (codes * 8)));
  }
}

package io.parq.export.gguf;

import java.util.Arrays;

/** Lays integers into blocks, the reverse of {@link FlatBlocks} and {@link SuperBlocks}. */
final class BlockWriter {
  private static final long TWO_BITS = Bytes.each(3);

  /** Numbers of five ternary digits. */
  private static final int DIGITS = 243;

  private BlockWriter() {}

  /** Writes one block without minima; d is exact in half precision, n has the block's integers. */
  static void write(Encoding encoding, float d, byte[] n, byte[] out, int at) {
    switch (encoding) {
      case TQ1_0 -> tq1(d, n, out, at);
      case TQ2_0 -> {
        codes2(n, 1, out, at);
        Bytes.putHalf(out, at + 64, d);
      }
      case Q2_0 -> q2_0(d, n, out, at);
      case Q3_K -> q3k(d, n, out, at);
      case Q4_0 -> {
        Bytes.putHalf(out, at, d);
        nibbles(n, 0, 16, 8, out, at + 2);
        nibbles(n, 8, 16, 8, out, at + 10);
      }
      case Q5_0 -> q5_0(d, n, out, at);
      case Q6_K -> q6k(d, n, out, at);
      case Q8_0 -> {
        Bytes.putHalf(out, at, d);
        System.arraycopy(n, 0, out, at + 2, 32);
      }
      default -> throw new IllegalArgumentException(encoding + ", expected one without minima");
    }
  }

  /** Writes one block of {@code d * code - dmin * base}. */
  static void write(
      Encoding encoding, float d, float dmin, int base, byte[] codes, byte[] out, int at) {
    switch (encoding) {
      case Q2_K -> {
        Arrays.fill(out, at, at + 16, (byte) (1 | base << 4));
        codes2(codes, 0, out, at + 16);
        Bytes.putHalf(out, at + 80, d);
        Bytes.putHalf(out, at + 82, dmin);
      }
      case Q4_K -> {
        head4(d, dmin, base, out, at);
        nibbles64(codes, out, at + 16);
      }
      case Q5_K -> {
        head4(d, dmin, base, out, at);
        bits(codes, 0, 4, out, at + 16);
        nibbles64(codes, out, at + 48);
      }
      default -> throw new IllegalArgumentException(encoding + ", expected one with minima");
    }
  }

  /** Eight integers, with a number added to each. */
  private static long eight(byte[] n, int from, int add) {
    return Bytes.plus(Bytes.longAt(n, from), Bytes.each(add));
  }

  private static void tq1(float d, byte[] n, byte[] out, int at) {
    for (int l = 0; l < 48; l += 8) {
      // 32 bytes, then 16.
      int from = l < 32 ? l : 128 + l;
      int width = l < 32 ? 32 : 16;
      long numbers = 0;
      for (int j = 0; j < 5; j++) {
        numbers = 3 * numbers + eight(n, from + j * width, 1); // at most 242 in a byte
      }
      for (int i = 0; i < 8; i++) {
        out[at + l + i] = fraction((int) (numbers >>> (8 * i)) & 0xff);
      }
    }
    for (int l = 0; l < 4; l++) {
      int number = 0;
      for (int j = 0; j < 4; j++) {
        number = 3 * number + n[240 + 4 * j + l] + 1;
      }
      out[at + 48 + l] = fraction(3 * number);
    }
    Bytes.putHalf(out, at + 52, d);
  }

  /** A number of five digits as the fraction 0.digits times 256, rounded up. */
  private static byte fraction(int number) {
    return (byte) ((number * 256 + DIGITS - 1) / DIGITS);
  }

  private static void q2_0(float d, byte[] n, byte[] out, int at) {
    Bytes.putHalf(out, at, d);
    for (int j = 0; j < 64; j += 8) {
      long fields = eight(n, j, 1);
      fields = (fields | fields >>> 6) & 0x000f_000f_000f_000fL;
      fields = (fields | fields >>> 12) & 0x0000_00ff_0000_00ffL;
      Bytes.putShort(out, at + 2 + j / 4, (short) (fields | fields >>> 24));
    }
  }

  /** 256 codes of two bits: byte 32h + l has 128h + 32j + l. */
  private static void codes2(byte[] n, int add, byte[] out, int at) {
    for (int l = 0; l < 64; l += 8) {
      int from = l < 32 ? l : 96 + l;
      long fields = 0;
      for (int j = 0; j < 4; j++) {
        fields |= (eight(n, from + 32 * j, add) & TWO_BITS) << (2 * j);
      }
      Bytes.putLong(out, at + l, fields);
    }
  }

  /** A bit of each of 256 codes: bit j of byte l is that of 32j + l. */
  private static void bits(byte[] n, int add, int bit, byte[] out, int at) {
    for (int l = 0; l < 32; l += 8) {
      long mask = 0;
      for (int j = 0; j < 8; j++) {
        mask |= (eight(n, 32 * j + l, add) >>> bit & Bytes.ONES) << j;
      }
      Bytes.putLong(out, at + l, mask);
    }
  }

  private static void q3k(float d, byte[] n, byte[] out, int at) {
    bits(n, 4, 2, out, at);
    codes2(n, 4, out, at + 32);
    // Sixteen scales of 33: 1 plus 32.
    Arrays.fill(out, at + 96, at + 104, (byte) 0x11);
    Arrays.fill(out, at + 104, at + 108, (byte) 0xaa);
    Bytes.putHalf(out, at + 108, d);
  }

  /** Four bits of eight codes, and of the eight that are so far behind them. */
  private static void nibbles(byte[] n, int from, int distance, int add, byte[] out, int at) {
    long low = FlatBlocks.low(eight(n, from, add));
    long high = FlatBlocks.low(eight(n, from + distance, add));
    Bytes.putLong(out, at, low | high << 4);
  }

  private static void q5_0(float d, byte[] n, byte[] out, int at) {
    Bytes.putHalf(out, at, d);
    int upper = 0;
    for (int i = 0; i < 32; i += 8) {
      upper |= Bytes.gather(eight(n, i, 16) >>> 4) << i;
    }
    Bytes.putInt(out, at + 2, upper);
    nibbles(n, 0, 16, 16, out, at + 6);
    nibbles(n, 8, 16, 16, out, at + 14);
  }

  /** Scales of 1 and minima of base. */
  private static void head4(float d, float dmin, int base, byte[] out, int at) {
    Bytes.putHalf(out, at, d);
    Bytes.putHalf(out, at + 2, dmin);
    for (int s = 0; s < 4; s++) {
      out[at + 4 + s] = 1;
      out[at + 8 + s] = (byte) (base | base >>> 4 << 6);
      out[at + 12 + s] = (byte) (1 | (base & 15) << 4);
    }
  }

  private static void nibbles64(byte[] codes, byte[] out, int at) {
    for (int l = 0; l < 128; l += 8) {
      nibbles(codes, l / 32 * 64 + l % 32, 32, 0, out, at + l);
    }
  }

  private static void q6k(float d, byte[] n, byte[] out, int at) {
    for (int h = 0; h < 2; h++) {
      int from = 128 * h;
      for (int l = 0; l < 64; l += 8) {
        nibbles(n, from + l, 64, 32, out, at + 64 * h + l);
      }
      for (int l = 0; l < 32; l += 8) {
        long upper = 0;
        for (int j = 0; j < 4; j++) {
          upper |= (eight(n, from + 32 * j + l, 32) >>> 4 & TWO_BITS) << (2 * j);
        }
        Bytes.putLong(out, at + 128 + 32 * h + l, upper);
      }
    }
    Arrays.fill(out, at + 192, at + 208, (byte) 1);
    Bytes.putHalf(out, at + 208, d);
  }
}

package io.parq.export.gguf;

import java.util.Arrays;

/** Lays integers into blocks, the reverse of {@link FlatBlocks} and {@link SuperBlocks}. */
final class BlockWriter {
  private BlockWriter() {}

  /** Writes one block without minima; d is exact in half precision, n has the block's integers. */
  static void write(Encoding encoding, float d, int[] n, byte[] out, int at) {
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
        nibbles(n, 8, out, at + 2);
      }
      case Q5_0 -> q5_0(d, n, out, at);
      case Q6_K -> q6k(d, n, out, at);
      case Q8_0 -> {
        Bytes.putHalf(out, at, d);
        for (int i = 0; i < 32; i++) {
          out[at + 2 + i] = (byte) n[i];
        }
      }
      default -> throw new IllegalArgumentException(encoding + ", expected one without minima");
    }
  }

  /** Writes one block of {@code d * code - dmin * base}. */
  static void write(
      Encoding encoding, float d, float dmin, int base, int[] codes, byte[] out, int at) {
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
        for (int l = 0; l < 32; l++) {
          int upper = 0;
          for (int s = 0; s < 8; s++) {
            upper |= codes[32 * s + l] >>> 4 << s;
          }
          out[at + 16 + l] = (byte) upper;
        }
        nibbles64(codes, out, at + 48);
      }
      default -> throw new IllegalArgumentException(encoding + ", expected one with minima");
    }
  }

  private static void tq1(float d, int[] n, byte[] out, int at) {
    digits(n, 0, 32, 5, out, at);
    digits(n, 160, 16, 5, out, at + 32);
    digits(n, 240, 4, 4, out, at + 48);
    Bytes.putHalf(out, at + 52, d);
  }

  private static void digits(int[] n, int from, int width, int count, byte[] out, int at) {
    for (int l = 0; l < width; l++) {
      int number = 0;
      for (int j = 0; j < 5; j++) {
        number = number * 3 + (j < count ? n[from + j * width + l] + 1 : 0);
      }
      out[at + l] = (byte) ((number * 256 + 242) / 243);
    }
  }

  private static void q2_0(float d, int[] n, byte[] out, int at) {
    Bytes.putHalf(out, at, d);
    for (int j = 0; j < 16; j++) {
      int i = 4 * j;
      out[at + 2 + j] =
          (byte) (n[i] + 1 | (n[i + 1] + 1) << 2 | (n[i + 2] + 1) << 4 | (n[i + 3] + 1) << 6);
    }
  }

  /** 256 codes of two bits: byte 32h + l has 128h + 32j + l. */
  private static void codes2(int[] n, int add, byte[] out, int at) {
    for (int h = 0; h < 2; h++) {
      for (int l = 0; l < 32; l++) {
        int e = 128 * h + l;
        out[at + 32 * h + l] =
            (byte)
                (((n[e] + add) & 3)
                    | ((n[e + 32] + add) & 3) << 2
                    | ((n[e + 64] + add) & 3) << 4
                    | ((n[e + 96] + add) & 3) << 6);
      }
    }
  }

  private static void q3k(float d, int[] n, byte[] out, int at) {
    for (int l = 0; l < 32; l++) {
      int mask = 0;
      for (int j = 0; j < 8; j++) {
        mask |= ((n[32 * j + l] + 4) >>> 2) << j;
      }
      out[at + l] = (byte) mask;
    }
    codes2(n, 4, out, at + 32);
    // Sixteen scales of 33: 1 plus 32.
    Arrays.fill(out, at + 96, at + 104, (byte) 0x11);
    Arrays.fill(out, at + 104, at + 108, (byte) 0xaa);
    Bytes.putHalf(out, at + 108, d);
  }

  private static void nibbles(int[] n, int add, byte[] out, int at) {
    for (int j = 0; j < 16; j++) {
      out[at + j] = (byte) (((n[j] + add) & 15) | ((n[j + 16] + add) & 15) << 4);
    }
  }

  private static void q5_0(float d, int[] n, byte[] out, int at) {
    Bytes.putHalf(out, at, d);
    int upper = 0;
    for (int i = 0; i < 32; i++) {
      upper |= ((n[i] + 16) >>> 4) << i;
    }
    Bytes.putInt(out, at + 2, upper);
    nibbles(n, 16, out, at + 6);
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

  private static void nibbles64(int[] codes, byte[] out, int at) {
    for (int g = 0; g < 4; g++) {
      for (int l = 0; l < 32; l++) {
        out[at + 32 * g + l] =
            (byte) ((codes[64 * g + l] & 15) | (codes[64 * g + 32 + l] & 15) << 4);
      }
    }
  }

  private static void q6k(float d, int[] n, byte[] out, int at) {
    for (int h = 0; h < 2; h++) {
      int from = 128 * h;
      for (int l = 0; l < 64; l++) {
        int low = n[from + l] + 32;
        int high = n[from + 64 + l] + 32;
        out[at + 64 * h + l] = (byte) ((low & 15) | (high & 15) << 4);
      }
      for (int l = 0; l < 32; l++) {
        int upper = 0;
        for (int j = 0; j < 4; j++) {
          upper |= ((n[from + 32 * j + l] + 32) >>> 4) << (2 * j);
        }
        out[at + 128 + 32 * h + l] = (byte) upper;
      }
    }
    Arrays.fill(out, at + 192, at + 208, (byte) 1);
    Bytes.putHalf(out, at + 208, d);
  }
}

package io.parq.export.gguf;

/** Takes blocks apart that have one scale. */
final class FlatBlocks {
  private FlatBlocks() {}

  /** Half d, then byte j has elements j and j + 16: value = d * (code - 8). */
  static void q4_0(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), 0);
    for (int j = 0; j < 16; j++) {
      int pair = in[at + 2 + j];
      out.code(j, (pair & 15) - 8);
      out.code(j + 16, (pair >>> 4 & 15) - 8);
    }
  }

  /** Halves d and m, then as Q4_0: value = d * code + m. */
  static void q4_1(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), Bytes.half(in, at + 2));
    for (int j = 0; j < 16; j++) {
      int pair = in[at + 4 + j];
      out.code(j, pair & 15);
      out.code(j + 16, pair >>> 4 & 15);
    }
  }

  /** Half d, 32 upper bits, then the lower four as Q4_0: value = d * (code - 16). */
  static void q5_0(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), 0);
    int upper = Bytes.intAt(in, at + 2);
    for (int j = 0; j < 16; j++) {
      out.code(j, low5(in[at + 6 + j], upper, j) - 16);
      out.code(j + 16, low5(in[at + 6 + j] >>> 4, upper, j + 16) - 16);
    }
  }

  /** Halves d and m, then as Q5_0: value = d * code + m. */
  static void q5_1(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), Bytes.half(in, at + 2));
    int upper = Bytes.intAt(in, at + 4);
    for (int j = 0; j < 16; j++) {
      out.code(j, low5(in[at + 8 + j], upper, j));
      out.code(j + 16, low5(in[at + 8 + j] >>> 4, upper, j + 16));
    }
  }

  private static int low5(int nibble, int upper, int bit) {
    return (nibble & 15) | ((upper >>> bit) & 1) << 4;
  }

  /** Half d, then signed bytes: value = d * code. */
  static void q8_0(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), 0);
    for (int j = 0; j < 32; j++) {
      out.code(j, in[at + 2 + j]);
    }
  }

  /** Half d, then byte j has elements 4j to 4j + 3, lowest bits first: value = d * (code - 1). */
  static void q2_0(byte[] in, int at, Block out) {
    out.group(0, -Bytes.half(in, at), 0);
    for (int j = 0; j < 64; j++) {
      out.code(j, 1 - ((in[at + 2 + j / 4] >>> (2 * (j % 4))) & 3));
    }
  }

  /**
   * 64 bytes, then half d: byte 32h + l has elements 128h + 32j + l for j = 0 to 3, lowest bits
   * first: value = d * (code - 1).
   */
  static void tq2(byte[] in, int at, Block out) {
    out.group(0, -Bytes.half(in, at + 64), 0);
    for (int e = 0; e < 256; e++) {
      out.code(e, 1 - two(in, at, e));
    }
  }

  /** Two bits: byte 32h + l has those of elements 128h + 32j + l. */
  static int two(byte[] in, int at, int element) {
    return (in[at + element / 128 * 32 + element % 32] >>> (2 * (element % 128 / 32))) & 3;
  }

  /**
   * Five ternary digits a byte, then half d: 32 bytes for elements 32j + l, 16 for 160 + 16j + l,
   * and 4 of four digits for 240 + 4j + l. A byte is the fraction 0.digits in base 3 times 256,
   * rounded up, so that multiplying by 3 shifts out a digit: value = d * (digit - 1).
   */
  static void tq1(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at + 52), 0);
    digits(in, at, 32, 5, out, 0);
    digits(in, at + 32, 16, 5, out, 160);
    digits(in, at + 48, 4, 4, out, 240);
  }

  private static void digits(byte[] in, int at, int width, int count, Block out, int to) {
    for (int l = 0; l < width; l++) {
      int rest = in[at + l] & 0xff;
      for (int j = 0; j < count; j++) {
        int shifted = rest * 3;
        out.code(to + j * width + l, (shifted >>> 8) - 1);
        rest = shifted & 0xff;
      }
    }
  }
}

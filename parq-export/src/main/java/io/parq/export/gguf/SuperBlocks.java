package io.parq.export.gguf;

/**
 * Takes blocks of the K types apart: 256 elements with half-precision d (and dmin) that multiply
 * small integer scales (and minima) of 16 or 32 elements each.
 */
final class SuperBlocks {
  private SuperBlocks() {}

  /** 16 bytes of scale and min (4 bits each), 64 bytes of codes as TQ2_0, halves d and dmin. */
  static void q2k(byte[] in, int at, Block out) {
    float d = Bytes.half(in, at + 80);
    float dmin = Bytes.half(in, at + 82);
    for (int s = 0; s < 16; s++) {
      out.group(s, d * (in[at + s] & 15), -(dmin * (in[at + s] >>> 4 & 15)));
    }
    for (int e = 0; e < 256; e += 8) {
      out.codes(e, FlatBlocks.two(in, at + 16, e));
    }
  }

  /**
   * 32 bytes of upper bits, 64 of lower ones as TQ2_0, 12 of 6-bit scales plus 32, half d. A clear
   * upper bit subtracts 4 from the code.
   */
  static void q3k(byte[] in, int at, Block out) {
    float d = Bytes.half(in, at + 108);
    for (int s = 0; s < 16; s++) {
      out.group(s, d * (scale3(in, at + 96, s) - 32), 0);
    }
    for (int e = 0; e < 256; e += 8) {
      long high = Bytes.longAt(in, at + e % 32) >>> (e / 32) & Bytes.ONES;
      out.codes(e, Bytes.minus(FlatBlocks.two(in, at + 32, e) | high << 2, Bytes.each(4)));
    }
  }

  /** The lower four bits of scales 0-7 and 8-15 share 8 bytes, the upper two of all lie in 4. */
  private static int scale3(byte[] in, int at, int s) {
    int low = (in[at + s % 8] >>> (s < 8 ? 0 : 4)) & 15;
    int high = (in[at + 8 + s % 4] >>> (2 * (s / 4))) & 3;
    return low | high << 4;
  }

  /** Halves d and dmin, 12 bytes of 6-bit scales and minima, 128 of codes: 32 low, 32 high. */
  static void q4k(byte[] in, int at, Block out) {
    scalesAndMinima(in, at, out);
    for (int e = 0; e < 256; e += 8) {
      out.codes(e, nibbles(in, at + 16, e));
    }
  }

  /** As Q4_K, with 32 bytes of upper bits before the codes. */
  static void q5k(byte[] in, int at, Block out) {
    scalesAndMinima(in, at, out);
    for (int e = 0; e < 256; e += 8) {
      long high = Bytes.longAt(in, at + 16 + e % 32) >>> (e / 32) & Bytes.ONES;
      out.codes(e, nibbles(in, at + 48, e) | high << 4);
    }
  }

  private static long nibbles(byte[] in, int at, int element) {
    int s = element / 32;
    long pairs = Bytes.longAt(in, at + s / 2 * 32 + element % 32);
    return s % 2 == 0 ? FlatBlocks.low(pairs) : FlatBlocks.high(pairs);
  }

  private static void scalesAndMinima(byte[] in, int at, Block out) {
    float d = Bytes.half(in, at);
    float dmin = Bytes.half(in, at + 2);
    for (int s = 0; s < 8; s++) {
      out.group(s, d * scale4(in, at + 4, s), -(dmin * min4(in, at + 4, s)));
    }
  }

  /** Scales 0-3 are the lower six bits of bytes 0-3; 4-7 lie in bytes 8-11 and the rest of 0-3. */
  private static int scale4(byte[] in, int at, int s) {
    return s < 4 ? in[at + s] & 63 : (in[at + 4 + s] & 15) | ((in[at + s - 4] >>> 6) & 3) << 4;
  }

  /** Minima likewise: bytes 4-7, then the upper halves of 8-11 and the rest of 4-7. */
  private static int min4(byte[] in, int at, int s) {
    return s < 4
        ? in[at + 4 + s] & 63
        : ((in[at + 4 + s] >>> 4) & 15) | ((in[at + s] >>> 6) & 3) << 4;
  }

  /**
   * 128 bytes of lower halves, 64 of upper two bits, 16 signed scales, half d: value = d * scale *
   * (code - 32).
   */
  static void q6k(byte[] in, int at, Block out) {
    float d = Bytes.half(in, at + 208);
    for (int s = 0; s < 16; s++) {
      out.group(s, d * in[at + 192 + s], 0);
    }
    for (int e = 0; e < 256; e += 8) {
      int half = e / 128;
      long pairs = Bytes.longAt(in, at + half * 64 + e % 64);
      long low = e % 128 < 64 ? FlatBlocks.low(pairs) : FlatBlocks.high(pairs);
      long upper = Bytes.longAt(in, at + 128 + half * 32 + e % 32);
      long high = upper >>> (2 * (e % 128 / 32)) & Bytes.each(3);
      out.codes(e, Bytes.minus(low | high << 4, Bytes.each(32)));
    }
  }
}

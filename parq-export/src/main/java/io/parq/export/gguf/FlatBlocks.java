package io.parq.export.gguf;

/** Takes blocks apart that have one scale. */
final class FlatBlocks {
  private FlatBlocks() {}

  private static final long NIBBLES = Bytes.each(15);
  private static final long TWO_BITS = Bytes.each(3);

  /** Half d, then byte j has elements j and j + 16: value = d * (code - 8). */
  static void q4_0(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), 0);
    for (int j = 0; j < 16; j += 8) {
      long pairs = Bytes.longAt(in, at + 2 + j);
      out.codes(j, Bytes.minus(low(pairs), Bytes.each(8)));
      out.codes(j + 16, Bytes.minus(high(pairs), Bytes.each(8)));
    }
  }

  /** The lower halves of bytes. */
  static long low(long pairs) {
    return pairs & NIBBLES;
  }

  /** The upper halves of bytes. */
  static long high(long pairs) {
    return pairs >>> 4 & NIBBLES;
  }

  /** Halves d and m, then as Q4_0: value = d * code + m. */
  static void q4_1(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), Bytes.half(in, at + 2));
    for (int j = 0; j < 16; j += 8) {
      long pairs = Bytes.longAt(in, at + 4 + j);
      out.codes(j, low(pairs));
      out.codes(j + 16, high(pairs));
    }
  }

  /** Half d, 32 upper bits, then the lower four as Q4_0: value = d * (code - 16). */
  static void q5_0(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), 0);
    int upper = Bytes.intAt(in, at + 2);
    for (int j = 0; j < 16; j += 8) {
      long pairs = Bytes.longAt(in, at + 6 + j);
      out.codes(j, Bytes.minus(five(low(pairs), upper >>> j), Bytes.each(16)));
      out.codes(j + 16, Bytes.minus(five(high(pairs), upper >>> (j + 16)), Bytes.each(16)));
    }
  }

  /** Halves d and m, then as Q5_0: value = d * code + m. */
  static void q5_1(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), Bytes.half(in, at + 2));
    int upper = Bytes.intAt(in, at + 4);
    for (int j = 0; j < 16; j += 8) {
      long pairs = Bytes.longAt(in, at + 8 + j);
      out.codes(j, five(low(pairs), upper >>> j));
      out.codes(j + 16, five(high(pairs), upper >>> (j + 16)));
    }
  }

  /** Adds the fifth bits of eight codes. */
  private static long five(long nibbles, int upper) {
    return nibbles | Bytes.spread(upper) << 4;
  }

  /** Half d, then signed bytes: value = d * code. */
  static void q8_0(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at), 0);
    out.codes(in, at + 2);
  }

  /** Half d, then byte j has elements 4j to 4j + 3, lowest bits first: value = d * (code - 1). */
  static void q2_0(byte[] in, int at, Block out) {
    out.group(0, -Bytes.half(in, at), 0);
    for (int j = 0; j < 64; j += 8) {
      long fields = Bytes.shortAt(in, at + 2 + j / 4) & 0xffff;
      fields = (fields | fields << 24) & 0x0000_00ff_0000_00ffL;
      fields = (fields | fields << 12) & 0x000f_000f_000f_000fL;
      fields = (fields | fields << 6) & TWO_BITS;
      out.codes(j, Bytes.minus(Bytes.ONES, fields));
    }
  }

  /**
   * 64 bytes, then half d: byte 32h + l has elements 128h + 32j + l for j = 0 to 3, lowest bits
   * first: value = d * (code - 1).
   */
  static void tq2(byte[] in, int at, Block out) {
    out.group(0, -Bytes.half(in, at + 64), 0);
    for (int e = 0; e < 256; e += 8) {
      out.codes(e, Bytes.minus(Bytes.ONES, two(in, at, e)));
    }
  }

  /** Two bits of eight elements: byte 32h + l has those of elements 128h + 32j + l. */
  static long two(byte[] in, int at, int element) {
    long fields = Bytes.longAt(in, at + element / 128 * 32 + element % 32);
    return (fields >>> (2 * (element % 128 / 32))) & TWO_BITS;
  }

  /**
   * Five ternary digits a byte, then half d: 32 bytes for elements 32j + l, 16 for 160 + 16j + l,
   * and 4 of four digits for 240 + 4j + l. A byte is the fraction 0.digits in base 3 times 256,
   * rounded up, so that multiplying by 3 shifts out a digit: value = d * (digit - 1).
   */
  static void tq1(byte[] in, int at, Block out) {
    out.group(0, Bytes.half(in, at + 52), 0);
    for (int l = 0; l < 48; l += 8) {
      // 32 bytes, then 16.
      boolean first = l < 32;
      digits(Bytes.longAt(in, at + l), first ? 32 : 16, out, first ? l : 128 + l);
    }
    for (int l = 0; l < 4; l++) {
      int rest = in[at + 48 + l] & 0xff;
      for (int j = 0; j < 4; j++) {
        int shifted = rest * 3;
        out.code(240 + 4 * j + l, (shifted >>> 8) - 1);
        rest = shifted & 0xff;
      }
    }
  }

  /** Five digits of each of eight bytes, of which the even and the odd ones have 16 bits each. */
  private static void digits(long bytes, int width, Block out, int to) {
    long even = bytes & 0x00ff_00ff_00ff_00ffL;
    long odd = bytes >>> 8 & 0x00ff_00ff_00ff_00ffL;
    for (int j = 0; j < 5; j++) {
      even *= 3;
      odd *= 3;
      long digits = (even >>> 8 & 0x00ff_00ff_00ff_00ffL) | (odd & 0xff00_ff00_ff00_ff00L);
      out.codes(to + j * width, Bytes.minus(digits, Bytes.ONES));
      even &= 0x00ff_00ff_00ff_00ffL;
      odd &= 0x00ff_00ff_00ff_00ffL;
    }
  }
}

package io.parq.export.gguf;

import io.parq.grids.SmallFloat;

/** Decodes floats, and 4-bit floats that share a scale. */
final class FloatBlocks {
  /**
   * Twice the values of E2M1, by their bits: sign, two bits of exponent, one of fraction. Scales
   * are stored so that half of one is what multiplies these.
   */
  private static final float[] DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private FloatBlocks() {}

  static void f32(byte[] in, int at, int blocks, float[] out, int to) {
    for (int i = 0; i < blocks; i++) {
      out[to + i] = Bytes.floatAt(in, at + 4 * i);
    }
  }

  static void f64(byte[] in, int at, int blocks, float[] out, int to) {
    for (int i = 0; i < blocks; i++) {
      out[to + i] = (float) Double.longBitsToDouble(Bytes.longAt(in, at + 8 * i));
    }
  }

  static void f16(byte[] in, int at, int blocks, float[] out, int to) {
    for (int i = 0; i < blocks; i++) {
      out[to + i] = Bytes.half(in, at + 2 * i);
    }
  }

  static void bf16(byte[] in, int at, int blocks, float[] out, int to) {
    for (int i = 0; i < blocks; i++) {
      out[to + i] = SmallFloat.fromBf16(Bytes.shortAt(in, at + 2 * i));
    }
  }

  /** A power of two; byte j has elements j and j + 16. */
  static void mxfp4(byte[] in, int at, int blocks, float[] out, int to) {
    for (int b = 0; b < blocks; b++, at += 17, to += 32) {
      // Half of 2^-127 is subnormal but exact.
      float half = in[at] == (byte) 255 ? Float.NaN : 0.5f * SmallFloat.fromE8m0(in[at]);
      pairs(in, at + 1, 16, half, out, to);
    }
  }

  /** Four E4M3 scales, then for each 16 elements; byte j of them has elements j and j + 8. */
  static void nvfp4(byte[] in, int at, int blocks, float[] out, int to) {
    nvfp4(in, at, blocks, out, to, 1f);
  }

  /** The same with a scale for the whole tensor, which multiplies the blocks' scales first. */
  static void nvfp4(byte[] in, int at, int blocks, float[] out, int to, float tensorScale) {
    for (int b = 0; b < blocks; b++, at += 36, to += 64) {
      for (int part = 0; part < 4; part++) {
        float half = 0.5f * (tensorScale * unsignedE4m3(in[at + part]));
        pairs(in, at + 4 + 8 * part, 8, half, out, to + 16 * part);
      }
    }
  }

  /** ggml ignores the sign and takes the pattern of NaN for zero. */
  private static float unsignedE4m3(byte bits) {
    int magnitude = bits & 0x7f;
    return magnitude == 0x7f ? 0f : SmallFloat.fromE4m3((byte) magnitude);
  }

  private static void pairs(byte[] in, int at, int count, float half, float[] out, int to) {
    for (int j = 0; j < count; j++) {
      out[to + j] = half * DOUBLED[in[at + j] & 15];
      out[to + j + count] = half * DOUBLED[in[at + j] >>> 4 & 15];
    }
  }

  /** The grid's codes of a block: 7 plus or minus the magnitude, whose bits follow the sign's. */
  static void mxfp4(byte[] in, int at, Block out) {
    out.group(0, in[at] == (byte) 255 ? Float.NaN : SmallFloat.fromE8m0(in[at]), 0);
    codes(in, at + 1, 16, out, 0);
  }

  static void nvfp4(byte[] in, int at, Block out) {
    for (int part = 0; part < 4; part++) {
      out.group(part, unsignedE4m3(in[at + part]), 0);
      codes(in, at + 4 + 8 * part, 8, out, 16 * part);
    }
  }

  private static void codes(byte[] in, int at, int count, Block out, int to) {
    for (int j = 0; j < count; j++) {
      out.code(to + j, code(in[at + j]));
      out.code(to + j + count, code(in[at + j] >>> 4));
    }
  }

  private static int code(int bits) {
    return (bits & 8) == 0 ? 7 + (bits & 7) : 7 - (bits & 7);
  }
}

package io.parq.grids;

import java.util.Objects;

/**
 * The small floating-point formats, as bits: bfloat16, E4M3, E5M2 and E8M0. Rounding is to nearest,
 * ties to even. Half precision is in the JDK ({@link Float#floatToFloat16}).
 *
 * <p>Sources: OCP 8-bit Floating Point Specification 1.0 (E4M3, E5M2); OCP Microscaling Formats 1.0
 * (E8M0).
 */
public final class SmallFloat {
  /** The largest finite E4M3 value. */
  public static final float E4M3_MAX = 448f;

  /** The largest finite E5M2 value. */
  public static final float E5M2_MAX = 57344f;

  private SmallFloat() {}

  /**
   * Rounds to bfloat16.
   *
   * @param value any float; overflow gives an infinity, NaN the quiet NaN 0x7fc0
   * @return the 16 bits
   */
  public static short toBf16(float value) {
    if (Float.isNaN(value)) {
      return 0x7fc0;
    }
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /**
   * Widens bfloat16, exactly.
   *
   * @param bits the 16 bits
   * @return the value
   */
  public static float fromBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * Rounds a run of floats to bfloat16, each as {@link #toBf16(float)} does.
   *
   * @param values the floats; not modified
   * @param from the first one's index
   * @param bits receives the 16 bits of each; modified
   * @param at index of the first of these
   * @param length how many
   * @throws IndexOutOfBoundsException if a range does not fit its array
   */
  public static void toBf16(float[] values, int from, short[] bits, int at, int length) {
    Objects.checkFromIndexSize(from, length, values.length);
    Objects.checkFromIndexSize(at, length, bits.length);
    ConversionKernels.Best.KERNELS.toBf16(values, from, bits, at, length);
  }

  /**
   * Widens a run of bfloat16 numbers, exactly.
   *
   * @param bits the 16 bits of each; not modified
   * @param from the first one's index
   * @param values receives the floats; modified
   * @param at index of the first of these
   * @param length how many
   * @throws IndexOutOfBoundsException if a range does not fit its array
   */
  public static void fromBf16(short[] bits, int from, float[] values, int at, int length) {
    Objects.checkFromIndexSize(from, length, bits.length);
    Objects.checkFromIndexSize(at, length, values.length);
    ConversionKernels.Best.KERNELS.fromBf16(bits, from, values, at, length);
  }

  /**
   * Rounds a run of floats to half precision, each as {@link Float#floatToFloat16} does.
   *
   * @param values the floats; not modified
   * @param from the first one's index
   * @param bits receives the 16 bits of each; modified
   * @param at index of the first of these
   * @param length how many
   * @throws IndexOutOfBoundsException if a range does not fit its array
   */
  public static void toFp16(float[] values, int from, short[] bits, int at, int length) {
    Objects.checkFromIndexSize(from, length, values.length);
    Objects.checkFromIndexSize(at, length, bits.length);
    ConversionKernels.Best.KERNELS.toFp16(values, from, bits, at, length);
  }

  /**
   * Widens a run of half precision numbers, exactly.
   *
   * @param bits the 16 bits of each; not modified
   * @param from the first one's index
   * @param values receives the floats; modified
   * @param at index of the first of these
   * @param length how many
   * @throws IndexOutOfBoundsException if a range does not fit its array
   */
  public static void fromFp16(short[] bits, int from, float[] values, int at, int length) {
    Objects.checkFromIndexSize(from, length, bits.length);
    Objects.checkFromIndexSize(at, length, values.length);
    ConversionKernels.Best.KERNELS.fromFp16(bits, from, values, at, length);
  }

  /**
   * Rounds to E4M3 (the variant without infinities that PyTorch calls float8_e4m3fn).
   *
   * @param value any float; magnitudes above 448 saturate, NaN gives 0x7f
   * @return the byte
   */
  public static byte toE4m3(float value) {
    return Float.isNaN(value) ? 0x7f : toMini(value, 3, -6, E4M3_MAX);
  }

  /**
   * Widens E4M3, exactly.
   *
   * @param bits the byte; 0x7f and 0xff are NaN
   * @return the value
   */
  public static float fromE4m3(byte bits) {
    return (bits & 0x7f) == 0x7f ? Float.NaN : fromMini(bits, 3, -6);
  }

  /**
   * Rounds to E5M2.
   *
   * @param value any float; finite magnitudes above 57344 saturate, infinities are kept, NaN gives
   *     0x7f
   * @return the byte
   */
  public static byte toE5m2(float value) {
    if (Float.isNaN(value)) {
      return 0x7f;
    }
    if (Float.isInfinite(value)) {
      return (byte) (value > 0 ? 0x7c : 0xfc);
    }
    return toMini(value, 2, -14, E5M2_MAX);
  }

  /**
   * Widens E5M2, exactly.
   *
   * @param bits the byte
   * @return the value
   */
  public static float fromE5m2(byte bits) {
    return Float.float16ToFloat((short) (bits << 8));
  }

  /**
   * Rounds to the nearest power of two between 2^-127 and 2^127 (1.5 rounds up), as PyTorch casts
   * to float8_e8m0fnu.
   *
   * @param value a positive float; zero and below give 2^-127, NaN and infinity give 255
   * @return the byte, the exponent plus 127
   */
  public static byte toE8m0(float value) {
    if (Float.isNaN(value) || value == Float.POSITIVE_INFINITY) {
      return (byte) 255;
    }
    if (value <= 0) {
      return 0;
    }
    int bits = Float.floatToRawIntBits(value);
    int exponent = bits >>> 23;
    int fraction = bits & 0x7fffff;
    boolean up = exponent > 0 ? fraction >= 0x400000 : fraction > 0x400000;
    return (byte) Math.min(254, up ? exponent + 1 : exponent);
  }

  /**
   * Widens E8M0, exactly.
   *
   * @param bits the byte; 255 is NaN
   * @return 2^(byte - 127)
   */
  public static float fromE8m0(byte bits) {
    int exponent = bits & 0xff;
    return exponent == 255
        ? Float.NaN
        : Float.intBitsToFloat(exponent == 0 ? 0x400000 : exponent << 23);
  }

  private static byte toMini(float value, int fractionBits, int minExponent, float max) {
    int sign = Float.floatToRawIntBits(value) >>> 31 << 7;
    float magnitude = Math.min(Math.abs(value), max);
    int exponent = Math.max(Math.getExponent(magnitude), minExponent);
    // In units of the last place of its binade, so that rint rounds to even; exact in double.
    long units = (long) Math.rint(Math.scalb((double) magnitude, fractionBits - exponent));
    // Exponent and fraction are one number: a carry out of the fraction raises the exponent.
    long code = ((long) (exponent - minExponent) << fractionBits) + units;
    return (byte) (sign | (int) code);
  }

  private static float fromMini(byte bits, int fractionBits, int minExponent) {
    int magnitude = bits & 0x7f;
    int field = magnitude >> fractionBits;
    int fraction = magnitude & ((1 << fractionBits) - 1);
    int units = field == 0 ? fraction : fraction | 1 << fractionBits;
    float value = Math.scalb((float) units, Math.max(field, 1) - 1 + minExponent - fractionBits);
    return bits < 0 ? -value : value;
  }
}

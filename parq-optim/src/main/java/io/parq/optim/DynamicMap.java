package io.parq.optim;

import java.util.Arrays;

/**
 * The dynamic 8-bit data type for numbers of magnitude up to 1: seven decades, the upper ones with
 * more values, evenly spaced within each. {@code SIGNED} has 127 negative values, 0, and 128
 * positive ones, {@code UNSIGNED} has 0 and 255 positive ones; both have 1. A code is a value's
 * rank.
 *
 * <p>Rounding is that of the reference, bit for bit: with the greatest value not above x and the
 * one after it, up if {@code x - value >= (next - value) * 0.5f}. It needs no search: the leading
 * bits of x leave two codes at most, and its trailing bits decide.
 *
 * <p>Source: torchao {@code quant_utils.py} ({@code create_dynamic_map}, {@code
 * quantize_8bit_with_qmap}), whose values these are without contracted multiply-adds; with them
 * PyTorch gets some that are a unit in the last place off.
 */
final class DynamicMap {
  private static final int DECADES = 7;

  /** Magnitudes below 2^-23 go to 0 as it does. */
  static final int LEAST = Float.floatToRawIntBits(0x1p-23f);

  static final int MOST = Float.floatToRawIntBits(1f);

  /** Bits of an entry that hold where the code changes; the code is above. */
  static final int LIMIT_BITS = 18;

  static final int LIMIT = (1 << LIMIT_BITS) - 1;

  static final DynamicMap SIGNED = new DynamicMap(true);
  static final DynamicMap UNSIGNED = new DynamicMap(false);

  private final float[] values;

  private final int[] bits = new int[256];

  /** -1 if there are negative values, else 0. */
  private final int signs;

  /** Trailing bits of a float, which are compared; the leading ones choose the entry. */
  private final int trailing;

  /** Entries of magnitudes, those of negative numbers after those of positive ones. */
  private final int[] entries;

  private final int negatives;

  private DynamicMap(boolean signed) {
    values = values(signed);
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    signs = signed ? -1 : 0;
    trailing = signed ? 17 : 16;
    int half = ((MOST - LEAST) >>> trailing) + 1;
    negatives = signed ? half : 0;
    entries = new int[half + negatives];
    for (int i = 0; i < half; i++) {
      int low = LEAST + (i << trailing);
      entries[i] = entry(low, 0);
      if (signed) {
        entries[half + i] = entry(low, Integer.MIN_VALUE);
      }
    }
  }

  private static float[] values(boolean signed) {
    float[] values = new float[256];
    int count = 0;
    for (int decade = 0; decade < DECADES; decade++) {
      int steps = signed ? 1 << decade : 2 << decade;
      float scale = (float) Math.pow(10, (double) decade + 1 - DECADES);
      for (int i = 0; i < steps; i++) {
        float value = scale * ((boundary(i, steps) + boundary(i + 1, steps)) / 2f);
        values[count++] = value;
        if (signed) {
          values[count++] = -value;
        }
      }
    }
    values[count] = 1f; // what is left is 0
    Arrays.sort(values);
    return values;
  }

  /** As PyTorch spaces numbers from 0.1 to 1: from the nearer end. */
  private static float boundary(int i, int steps) {
    float step = (1f - 0.1f) / steps;
    return i < (steps + 1) / 2 ? 0.1f + step * i : 1f - step * (steps - i);
  }

  /** The code of the least magnitude, and from which trailing bits on its neighbour is right. */
  private int entry(int low, int sign) {
    int code = search(Float.intBitsToFloat(low | sign));
    int limit = 0;
    int end = 1 << trailing;
    while (limit < end) {
      int middle = (limit + end) >>> 1;
      if (search(Float.intBitsToFloat((low + middle) | sign)) == code) {
        limit = middle + 1;
      } else {
        end = middle;
      }
    }
    return (code << LIMIT_BITS) | limit;
  }

  /** The reference's rounding of a number, by bisection. */
  int search(float x) {
    int code = 0;
    for (int step = 128; step > 0; step >>= 1) {
      code += x >= values[code + step] ? step : 0;
    }
    int next = Math.min(code + 1, 255);
    return x - values[code] >= (values[next] - values[code]) * 0.5f ? next : code;
  }

  /** The values, ascending, a copy. */
  float[] values() {
    return values.clone();
  }

  /** The values' bits, not a copy. */
  int[] bits() {
    return bits;
  }

  /** What {@link #encode} looks up, not a copy. */
  int[] entries() {
    return entries;
  }

  int trailing() {
    return trailing;
  }

  int signs() {
    return signs;
  }

  int negatives() {
    return negatives;
  }

  /** Widens a block. */
  void decode(byte[] codes, float scale, float[] x, int from, int length) {
    float[] table = values;
    for (int i = from; i < from + length; i++) {
      x[i] = table[codes[i] & 0xff] * scale;
    }
  }

  /**
   * Rounds a block. NaN gives some code.
   *
   * @param x the numbers, of magnitude up to {@code scale}; modified
   * @param codes receives the codes, at the same indices
   */
  void encode(float[] x, float scale, byte[] codes, int from, int length) {
    for (int i = from; i < from + length; i++) { // by itself, so that it is vectorized
      x[i] = x[i] / scale;
    }
    int[] table = entries;
    int mask = (1 << trailing) - 1;
    for (int i = from; i < from + length; i++) {
      int bits = Float.floatToRawIntBits(x[i]);
      int sign = (bits >> 31) & signs;
      int above = Math.clamp(bits & Integer.MAX_VALUE, LEAST, MOST) - LEAST;
      int entry = table[(above >>> trailing) + (sign & negatives)];
      int passed = ((entry & LIMIT) - 1 - (above & mask)) >> 31; // -1 from the limit on
      codes[i] = (byte) ((entry >>> LIMIT_BITS) - ((passed ^ sign) - sign));
    }
  }
}

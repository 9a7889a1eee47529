package io.parq.runtime;

import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * A token's vector as {@link Dots} take it: whole multiples of a unit, in digits of 8 bits with
 * signs, the highest first; or levels and floats.
 *
 * @param memory of each group {@code [unit of columns][digit][column]} bytes, and a float that has
 *     to be added so that fields count from the centre; without digits 16 levels and the vector
 * @param digits of a number, 0 for floats
 * @param unit what the numbers are multiples of
 */
record Token(MemorySegment memory, int digits, float unit) {
  static final int MOST_DIGITS = 3;

  /** Digits of multiples whose number is known: of codes less their zero. */
  private static final int FEW_DIGITS = 2;

  private static final int LEVELS = 16;
  private static final int BASE = 1 << Byte.SIZE;

  /** The largest number of three digits. */
  private static final int MOST = Byte.MAX_VALUE * (BASE * BASE + BASE + 1);

  /** Bits of the fraction of those. */
  private static final int FRACTION = 22;

  /**
   * Multiples of a unit, up to 255 times.
   *
   * @param unit 0 if they are no such multiples: then of a power of two, some eight millionth of
   *     the largest magnitude, to which they are rounded
   * @return the vector, or null if not all numbers are finite
   */
  static @Nullable Token of(Kind kind, float[] x, float unit) {
    if (unit > 0) {
      return of(kind, x, unit, FEW_DIGITS);
    }
    float most = 0;
    for (float value : x) {
      most = Math.max(most, Math.abs(value)); // NaN stays
    }
    if (!Float.isFinite(most)) {
      return null;
    }
    float fine = most == 0 ? 1 : Math.scalb(1f, Math.getExponent(most) - FRACTION);
    fine = Math.max(fine, Float.MIN_VALUE);
    return of(kind, x, most > (double) fine * MOST ? 2 * fine : fine, MOST_DIGITS);
  }

  private static Token of(Kind kind, float[] x, float unit, int digits) {
    Scratch scratch = Scratch.ofCaller();
    int size = kind.groupColumns() * digits + Float.BYTES;
    byte[] bytes = scratch.bytes(size);
    MemorySegment memory = scratch.memory(Math.multiplyExact(size, kind.groups()));
    double inverse = 1.0 / unit;
    for (int g = 0; g < kind.groups(); g++) {
      long sum = 0;
      for (int i = 0; i < kind.groupColumns(); i++) {
        int number = (int) Math.rint(x[g * kind.groupColumns() + i] * inverse);
        sum += number;
        int at = i / Geometry.UNIT * Geometry.UNIT * digits + i % Geometry.UNIT;
        for (int digit = digits - 1; digit >= 0; digit--) {
          byte lowest = (byte) number;
          bytes[at + digit * Geometry.UNIT] = lowest;
          number = (number - lowest) / BASE;
        }
      }
      long to = (long) g * size;
      MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, to, size - Float.BYTES);
      float offset = (float) (-(double) kind.centre() * sum);
      memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + size - Float.BYTES, offset);
    }
    return new Token(memory, digits, unit);
  }

  /** Floats, and what fields stand for. */
  static Token of(float[] levels, float[] x) {
    MemorySegment memory = Scratch.ofCaller().memory((LEVELS + x.length) * Float.BYTES);
    MemorySegment.copy(levels, 0, memory, ValueLayout.JAVA_FLOAT, 0, LEVELS);
    MemorySegment.copy(x, 0, memory, ValueLayout.JAVA_FLOAT, LEVELS * (long) Float.BYTES, x.length);
    return new Token(memory, 0, 1);
  }
}

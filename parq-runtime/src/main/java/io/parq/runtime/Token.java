package io.parq.runtime;

import static io.parq.runtime.Memory.ALL;

import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * A token's vector as {@link Dots} take it: whole multiples of a unit, in digits of 8 bits with
 * signs, the highest first; or levels and floats.
 *
 * @param memory of each group {@code [unit of columns][digit][column]} bytes, and a float that has
 *     to be added so that fields count from the centre; without digits 16 levels and the vector
 * @param digits of a number, 0 for floats
 * @param unit what the numbers are multiples of
 * @param excess what all numbers, those of padding too, are too large by
 */
record Token(MemorySegment memory, int digits, float unit, int excess) {
  static final int MOST_DIGITS = 3;

  /** Digits of multiples whose number is known: of codes less their zero. */
  private static final int FEW_DIGITS = 2;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_128;
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int LANES = FLOATS.length();
  private static final int SIGN = 0x80000000;
  private static final int HALF = Float.floatToRawIntBits(0.5f);
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
   * @param zero what makes bytes with signs of multiples of the unit if it is added; NaN if nothing
   *     does
   * @return the vector, or null if not all numbers are finite
   */
  static @Nullable Token of(Kind kind, float[] x, float unit, float zero) {
    if (unit > 0) {
      return Float.isNaN(zero)
          ? of(kind, x, unit, FEW_DIGITS, 0)
          : of(kind, x, unit, 1, (int) zero);
    }
    // Magnitudes are in the order of their bits, those that are not finite above all others.
    int bits = 0;
    for (int i = 0; i < x.length; i += LANES) {
      IntVector magnitudes = FloatVector.fromArray(FLOATS, x, i).reinterpretAsInts().and(~SIGN);
      bits = Math.max(bits, magnitudes.reduceLanes(VectorOperators.MAX));
    }
    float most = Float.intBitsToFloat(bits);
    if (!Float.isFinite(most)) {
      return null;
    }
    float fine = most == 0 ? 1 : Math.scalb(1f, Math.getExponent(most) - FRACTION);
    fine = Math.max(fine, Float.MIN_VALUE);
    return of(kind, x, most > (double) fine * MOST ? 2 * fine : fine, MOST_DIGITS, 0);
  }

  private static Token of(Kind kind, float[] x, float unit, int digits, int excess) {
    int group = kind.groupColumns();
    int size = group * digits + Float.BYTES;
    MemorySegment memory = Scratch.ofCaller().memory(Math.multiplyExact(size, kind.groups()));
    // A power of two less than the smallest normal number has no inverse that is a float.
    float first = unit < Float.MIN_NORMAL ? 1 / Float.MIN_NORMAL : 1;
    float inverse = 1 / (unit * first);
    for (int g = 0; g < kind.groups(); g++) {
      long to = memory.address() + (long) g * size;
      long sum = 0;
      for (int i = 0; i < group; i += LANES) {
        FloatVector multiple =
            FloatVector.fromArray(FLOATS, x, g * group + i).mul(first).mul(inverse);
        FloatVector half = multiple.reinterpretAsInts().and(SIGN).or(HALF).reinterpretAsFloats();
        IntVector number =
            ((IntVector) multiple.add(half).convert(VectorOperators.F2I, 0)).add(excess);
        sum += number.reduceLanes(VectorOperators.ADD);
        long at = to + (long) (i - i % Geometry.UNIT) * digits + i % Geometry.UNIT;
        if (digits > 1) {
          IntVector higher = number.add(BASE / 2).lanewise(VectorOperators.ASHR, Byte.SIZE);
          IntVector highest = higher.add(BASE / 2).lanewise(VectorOperators.ASHR, Byte.SIZE);
          // With two digits the second one is written over the third.
          highest
              .convertShape(VectorOperators.I2B, BYTES, 0)
              .reinterpretAsBytes()
              .intoMemorySegment(ALL, at, ORDER);
          higher
              .convertShape(VectorOperators.I2B, BYTES, 0)
              .reinterpretAsBytes()
              .intoMemorySegment(ALL, at + (digits - 2L) * Geometry.UNIT, ORDER);
        }
        number
            .convertShape(VectorOperators.I2B, BYTES, 0)
            .reinterpretAsBytes()
            .intoMemorySegment(ALL, at + (digits - 1L) * Geometry.UNIT, ORDER);
      }
      float offset = (float) (-(double) kind.centre() * sum);
      ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + size - Float.BYTES, offset);
    }
    return new Token(memory, digits, unit, excess);
  }

  /** Floats, and what fields stand for. */
  static Token of(float[] levels, float[] x) {
    MemorySegment memory = Scratch.ofCaller().memory((LEVELS + x.length) * Float.BYTES);
    MemorySegment.copy(levels, 0, memory, ValueLayout.JAVA_FLOAT, 0, LEVELS);
    MemorySegment.copy(x, 0, memory, ValueLayout.JAVA_FLOAT, LEVELS * (long) Float.BYTES, x.length);
    return new Token(memory, 0, 1, 0);
  }
}

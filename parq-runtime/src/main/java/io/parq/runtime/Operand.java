package io.parq.runtime;

/** A vector, made ready to be multiplied with a plane: floats or whole numbers. */
@SuppressWarnings("ArrayRecordComponent") // plain carriers of arrays
sealed interface Operand {
  /** What it was made for. */
  Kind kind();

  /**
   * What a vector is to be multiplied with.
   *
   * @param bits of a field
   * @param groups of a row
   * @param units of columns in a group
   * @param centre the field that counts nothing
   */
  record Kind(int bits, int groups, int units, float centre) {
    /** The middle of a field's range, from which whole numbers count. */
    int half() {
      return 1 << (bits - 1);
    }

    int groupColumns() {
      return units * Geometry.UNIT;
    }

    int columns() {
      return groups * groupColumns();
    }

    /** Units of columns over which sums of such fields times 9-bit numbers fit 16 bits. */
    int run() {
      return 16 >> bits;
    }
  }

  /**
   * Floats.
   *
   * @param x the vector
   * @param starts for every few columns what their sum begins with, so that fields that are set
   *     into a fraction count from the centre
   */
  record Floats(Kind kind, float[] x, float[] starts) implements Operand {}

  /**
   * Whole numbers.
   *
   * @param factor what they are multiples of
   * @param x the vector, each number in both halves of a word; of 4 bits, less 16 times the one
   *     before it in its step
   * @param starts for each run what its sum begins with, so that fields count from their middle
   * @param offsets for each group what has to be added, so that fields count from the centre
   * @param runs units of columns over which sums fit 16 bits, one run after the other; each is of a
   *     group
   */
  record Shorts(Kind kind, float factor, int[] x, int[] starts, float[] offsets, int[] runs)
      implements Operand {}
}

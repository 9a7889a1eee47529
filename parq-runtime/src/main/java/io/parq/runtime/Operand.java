package io.parq.runtime;

/**
 * A vector, made ready to be multiplied with a plane.
 *
 * @param kind what it was made for
 * @param x the vector, with padding
 * @param starts for every few columns what their sum begins with, so that fields that are set into
 *     a fraction count from the centre
 */
@SuppressWarnings("ArrayRecordComponent") // a plain carrier of arrays
record Operand(Kind kind, float[] x, float[] starts) {
  /**
   * What a vector is to be multiplied with.
   *
   * @param bits of a field
   * @param groups of a row
   * @param units of columns in a group
   * @param centre the field that counts nothing
   */
  record Kind(int bits, int groups, int units, float centre) {
    int groupColumns() {
      return units * Geometry.UNIT;
    }

    int columns() {
      return groups * groupColumns();
    }
  }
}

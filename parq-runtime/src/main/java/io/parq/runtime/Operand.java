package io.parq.runtime;

import org.jspecify.annotations.Nullable;

/**
 * A vector, made ready to be multiplied with a plane.
 *
 * @param kind what it was made for
 * @param levels what fields of 4 bits stand for; empty if {@code field - centre}
 * @param x the vector, with padding
 * @param starts for every few columns what their sum begins with, so that fields that are set into
 *     a fraction count from the centre
 * @param token the vector as {@link Dots} take it, or null if they do not
 */
@SuppressWarnings("ArrayRecordComponent") // a plain carrier of arrays
record Operand(Kind kind, float[] levels, float[] x, float[] starts, @Nullable Token token) {
  /** What products count each number of the vector too much, that of padding too. */
  float excess() {
    return token == null ? 0 : token.excess() * token.unit();
  }

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

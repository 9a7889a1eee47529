package io.parq.export;

import java.io.IOException;

/** The values of a tensor, row-major. */
@FunctionalInterface
public interface TensorValues {
  /**
   * Decodes some of them.
   *
   * @param start index of the first element
   * @param out receives the values; modified
   * @param from index of the first in {@code out}
   * @param length number of elements
   * @throws IOException if they are damaged
   */
  void toFloats(long start, float[] out, int from, int length) throws IOException;
}

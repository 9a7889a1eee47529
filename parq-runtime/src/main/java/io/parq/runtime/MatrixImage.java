package io.parq.runtime;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * All there is to a matrix, so that it can be written to a file and mapped again.
 *
 * @param kind its class
 * @param geometry how it is cut
 * @param numbers what else its class knows
 * @param memory of the kernels' layout, each part aligned to 64 bytes; not to be modified
 */
record MatrixImage(
    Kind kind, Geometry geometry, List<Integer> numbers, List<MemorySegment> memory) {
  /** The classes of matrices. */
  enum Kind {
    UNIFORM,
    CODEBOOK,
    FLOAT
  }

  /** Copies the lists. */
  MatrixImage {
    numbers = List.copyOf(numbers);
    memory = List.copyOf(memory);
  }
}

package io.parq.runtime;

import io.parq.grids.Kernels;
import java.lang.invoke.MethodHandles;

/** The kernels that matrices are multiplied with. */
final class Chosen {
  /**
   * Weights from which on a matrix is worth vectors: until their loops are compiled, they are
   * hundreds of times slower than plain ones, which with small matrices is most of the time.
   */
  static final long WORTH_VECTORS = 1 << 16;

  /** The same, which tests change. */
  static volatile long vectorsFrom = WORTH_VECTORS;

  private static final MatrixKernels SCALAR = new ScalarKernels();
  private static final MatrixKernels KERNELS =
      Kernels.choose(MethodHandles.lookup(), MatrixKernels.class, SCALAR, "VectorKernels");

  private Chosen() {}

  /** The kernels for a matrix. */
  static MatrixKernels of(long rows, long columns) {
    return rows * columns < vectorsFrom ? SCALAR : KERNELS;
  }
}

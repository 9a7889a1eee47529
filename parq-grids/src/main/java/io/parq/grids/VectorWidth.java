package io.parq.grids;

import jdk.incubator.vector.VectorShape;

/** Apart, since it can only be loaded where the module of vectors is. */
final class VectorWidth {
  private VectorWidth() {}

  static int bits() {
    return VectorShape.preferredShape().vectorBitSize();
  }
}

package io.parq.optim;

import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import org.jspecify.annotations.Nullable;

/** A parameter under a {@link QuantOptimizer}, with its lattice if it is quantized. */
final class QuantSlot {
  private final Parameter parameter;
  private final int group;
  private final @Nullable Lattice lattice;

  QuantSlot(Parameter parameter, int group, @Nullable QuantConfig config) {
    this.parameter = parameter;
    this.group = group;
    this.lattice = config == null ? null : ParamGroup.lattice(parameter, config);
  }

  Parameter parameter() {
    return parameter;
  }

  int group() {
    return group;
  }

  boolean isQuantized() {
    return lattice != null;
  }

  /** The lattice of a quantized parameter. */
  Lattice lattice() {
    if (lattice == null) {
      throw new IllegalStateException(parameter.name() + " is not quantized");
    }
    return lattice;
  }
}

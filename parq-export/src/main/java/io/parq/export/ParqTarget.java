package io.parq.export;

import io.parq.grids.BlockLayout;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;

/** What the packed safetensors format holds: every grid, in as many bits as its codes have. */
public final class ParqTarget implements Target {
  /** Makes the target. */
  public ParqTarget() {}

  @Override
  public String name() {
    return "parq";
  }

  @Override
  public Holding holding(QuantConfig config, long... shape) {
    BlockLayout layout;
    try {
      layout = BlockLayout.of(shape, config.granularity());
    } catch (IllegalArgumentException e) {
      return new Refused(String.valueOf(e.getMessage()));
    }
    long bytes =
        PackedParts.declare(config, shape).stream().mapToLong(part -> part.byteSize()).sum();
    return new Exact("%d-bit codes".formatted(config.bits()), 8.0 * bytes / layout.size());
  }

  @Override
  public ScaleType scaleType(Grid grid, Granularity granularity) {
    return ScaleType.FP32;
  }
}

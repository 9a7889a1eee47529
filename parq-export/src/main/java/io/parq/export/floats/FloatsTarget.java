package io.parq.export.floats;

import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import io.parq.grids.UniformGrid;

/**
 * What a folder of floats holds: in single precision the levels of every grid, in bfloat16 those
 * whose products of scale and code have 8 significant bits whatever the scale.
 */
public final class FloatsTarget implements Target {
  private final DType dtype;

  /**
   * Makes the target.
   *
   * @param dtype of quantized weights: F32 or BF16
   * @throws IllegalArgumentException if it is another
   */
  public FloatsTarget(DType dtype) {
    if (dtype != DType.F32 && dtype != DType.BF16) {
      throw new IllegalArgumentException(dtype + " weights, expected F32 or BF16");
    }
    this.dtype = dtype;
  }

  /** {@return the type of quantized weights} */
  DType dtype() {
    return dtype;
  }

  @Override
  public String name() {
    return "safetensors";
  }

  @Override
  public Holding holding(QuantConfig config, long... shape) {
    try {
      BlockLayout.of(shape, config.granularity());
    } catch (IllegalArgumentException e) {
      return new Refused(String.valueOf(e.getMessage()));
    }
    if (dtype == DType.BF16 && !isExactInBf16(config)) {
      return new Refused(
          "levels of %s with %s scales, expected bf16 scales times codes that are powers of two for"
                  .formatted(config.grid(), config.scaleType())
              + " BF16");
    }
    return new Exact(dtype.name(), 8.0 * dtype.bytes());
  }

  private static boolean isExactInBf16(QuantConfig config) {
    boolean narrow = config.scaleType() == ScaleType.BF16 || config.scaleType() == ScaleType.E8M0;
    return narrow
        && config.grid() instanceof UniformGrid grid
        && !grid.hasZeroPoint()
        && !grid.hasOffset()
        && areExact(grid, grid.zeroPoint(), config.scaleType());
  }

  /** Whether every code's factor leaves the 8 significant bits of bfloat16 enough. */
  private static boolean areExact(UniformGrid grid, float zeroPoint, ScaleType type) {
    int mostBits = type == ScaleType.E8M0 ? 8 : 1;
    for (int code = grid.minCode(); code <= grid.maxCode(); code++) {
      int doubled = Math.abs(Math.round(2 * (code - zeroPoint)));
      int significant =
          doubled == 0
              ? 0
              : Integer.SIZE
                  - Integer.numberOfLeadingZeros(doubled)
                  - Integer.numberOfTrailingZeros(doubled);
      if (significant > mostBits) {
        return false;
      }
    }
    return true;
  }

  @Override
  public ScaleType scaleType(Grid grid, Granularity granularity) {
    return dtype == DType.F32 ? ScaleType.FP32 : ScaleType.BF16;
  }
}

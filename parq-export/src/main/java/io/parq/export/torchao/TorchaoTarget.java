package io.parq.export.torchao;

import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import io.parq.grids.UniformGrid;

/**
 * What torchao's {@code IntxUnpackedToInt8Tensor} holds: uniform grids without offsets, of
 * matrices. A code takes a byte, whatever its width; scales are single precision; zero points are
 * 8-bit integers, or single precision where they are fractions or may be large. A scale of the
 * whole tensor is repeated for each row.
 *
 * <p>Source: torchao 0.18.0, {@code quantize_/workflows/intx/intx_unpacked_to_int8_tensor.py}.
 */
public final class TorchaoTarget implements Target {
  /** Makes the target. */
  public TorchaoTarget() {}

  @Override
  public String name() {
    return "torchao";
  }

  @Override
  public Holding holding(QuantConfig config, long... shape) {
    BlockLayout layout;
    try {
      layout = BlockLayout.of(shape, config.granularity());
    } catch (IllegalArgumentException e) {
      return new Refused(String.valueOf(e.getMessage()));
    }
    if (!(config.grid() instanceof UniformGrid grid) || grid.hasOffset()) {
      return new Refused(
          "grid %s, expected a uniform one without offsets".formatted(config.grid()));
    }
    if (shape.length != 2) {
      return new Refused("rank %d, expected 2".formatted(shape.length));
    }
    double blockBits = 8.0 * (DType.F32.bytes() + zeroPointType(grid).bytes());
    long blockLength = Math.min(layout.blockLength(), layout.columns());
    return new Exact("int%d in int8".formatted(bits(grid)), 8 + blockBits / blockLength);
  }

  @Override
  public ScaleType scaleType(Grid grid, Granularity granularity) {
    return ScaleType.FP32;
  }

  /** {@return the width of the narrowest two's complement that has all codes} */
  static int bits(UniformGrid grid) {
    int bits = 1;
    while (grid.minCode() < -(1 << (bits - 1)) || grid.maxCode() > (1 << (bits - 1)) - 1) {
      bits++;
    }
    return bits;
  }

  /** {@return I8 if zero points are sure to be 8-bit integers, else F32} */
  static DType zeroPointType(UniformGrid grid) {
    if (grid.hasZeroPoint()) {
      return grid.spec().startsWith("asymmetric:") ? DType.I8 : DType.F32;
    }
    return grid.zeroPoint() == (byte) grid.zeroPoint() ? DType.I8 : DType.F32;
  }
}

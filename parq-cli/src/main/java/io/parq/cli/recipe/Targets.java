package io.parq.cli.recipe;

import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import org.jspecify.annotations.Nullable;

/** What the targets of recipes can hold: the one place that knows them by name. */
public final class Targets {
  private Targets() {}

  /** {@return what a target can hold, or null if this version cannot write it} */
  static @Nullable Target find(Recipe.Target target) {
    return switch (target) {
      case SAFETENSORS, PARQ -> new OwnFile(target);
      case GGUF, ONNX, TORCHAO -> null;
    };
  }

  /**
   * {@return what a target can hold}
   *
   * @param target one that is available
   */
  public static Target of(Recipe.Target target) {
    Target found = find(target);
    if (found == null) {
      throw new IllegalArgumentException(
          "target " + Types.name(target) + ", expected one that is available");
    }
    return found;
  }

  /**
   * {@return what scales are rounded to if nobody says} Files that hold any scales get bf16 ones,
   * so that other formats can hold them later.
   */
  static ScaleType scaleType(Recipe.Target target, Grid grid, Granularity granularity) {
    return switch (target) {
      case SAFETENSORS, PARQ -> ScaleType.BF16;
      case GGUF, ONNX, TORCHAO -> of(target).scaleType(grid, granularity);
    };
  }

  /** Floats that lie on their levels, or codes and scales: any lattice over whole blocks. */
  private record OwnFile(Recipe.Target target) implements Target {
    @Override
    public String name() {
      return Types.name(target);
    }

    @Override
    public Holding holding(QuantConfig config, long... shape) {
      BlockLayout layout;
      try {
        layout = BlockLayout.of(shape, config.granularity());
      } catch (IllegalArgumentException e) {
        return new Refused(String.valueOf(e.getMessage()));
      }
      if (target == Recipe.Target.SAFETENSORS) {
        return new Exact(DType.F32.name(), Float.SIZE);
      }
      Grid grid = config.grid();
      int floats = (grid.hasZeroPoint() ? 1 : 0) + (grid.hasOffset() ? 1 : 0);
      long block =
          (long) grid.scalesPerBlock() * config.scaleType().dtype().bytes()
              + (long) floats * Float.BYTES;
      long row = Math.ceilDiv(layout.columns() * (long) config.bits(), Byte.SIZE);
      double bytes = (double) row * layout.rows() + (double) block * layout.blocks();
      return new Exact(config.bits() + "-bit codes", Byte.SIZE * bytes / layout.size());
    }

    @Override
    public ScaleType scaleType(Grid grid, Granularity granularity) {
      return ScaleType.FP32;
    }
  }
}

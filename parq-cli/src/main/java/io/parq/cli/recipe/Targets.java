package io.parq.cli.recipe;

import io.parq.export.formats.Formats;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;

/** What the targets of recipes can hold. */
public final class Targets {
  private Targets() {}

  /** {@return what a target can hold} */
  public static Target of(Recipe.Target target) {
    return Formats.target(target.toString());
  }

  /**
   * {@return what scales are rounded to if nobody says} Files that hold any scales get bf16 ones,
   * so that other formats can hold them later.
   */
  static ScaleType scaleType(Recipe.Target target, Grid grid, Granularity granularity) {
    ScaleType exact = of(target).scaleType(grid, granularity);
    return exact == ScaleType.FP32 ? ScaleType.BF16 : exact;
  }
}

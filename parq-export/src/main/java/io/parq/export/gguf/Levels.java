package io.parq.export.gguf;

import io.parq.grids.Grid;
import io.parq.grids.LsbqGrid;
import io.parq.grids.UniformGrid;
import org.jspecify.annotations.Nullable;

/**
 * The levels of a grid as integer multiples of a unit, the scale or half of it: {@code value = unit
 * * (step * q - base)} with {@code q = code - minCode}. A stretched level {@code (code + 0.5) *
 * scale} is {@code (2 * code + 1)} half scales.
 *
 * @param count how many levels
 * @param step between neighbours, 1 or 2 units
 * @param base units that the lowest level lies below zero; with zero points that of zero point
 *     {@code minCode}, to which {@code zeroPoint - minCode} is added
 * @param halved whether the unit is half the scale
 * @param zeroPoints whether each block has a zero point between the least and the largest code
 */
record Levels(int count, int step, int base, boolean halved, boolean zeroPoints) {
  /** Returns null for levels that are no such multiples. */
  static @Nullable Levels of(Grid grid) {
    if (grid.hasOffset()) {
      return null;
    }
    return switch (grid) {
      case UniformGrid uniform -> ofUniform(uniform);
      case LsbqGrid _ when grid.levelCount() == 3 -> new Levels(3, 1, 1, false, false);
      case LsbqGrid _ when grid.levelCount() == 2 -> new Levels(2, 2, 1, false, false);
      default -> null;
    };
  }

  private static @Nullable Levels ofUniform(UniformGrid grid) {
    int count = grid.levelCount();
    if (grid.hasZeroPoint()) {
      // Those of the asymmetric uniform grid may lie anywhere.
      boolean within = grid.spec().startsWith("asymmetric:");
      return within ? new Levels(count, 1, 0, false, true) : null;
    }
    return grid.zeroPoint() == 0f
        ? new Levels(count, 1, -grid.minCode(), false, false)
        : new Levels(count, 2, -(2 * grid.minCode() + 1), true, false);
  }

  /** The least multiple that may occur. */
  int least() {
    return zeroPoints ? 1 - count : -base;
  }

  /** The largest multiple that may occur. */
  int most() {
    return zeroPoints ? count - 1 : step * (count - 1) - base;
  }

  /** The largest base that may occur. */
  int maxBase() {
    return zeroPoints ? count - 1 : base;
  }
}

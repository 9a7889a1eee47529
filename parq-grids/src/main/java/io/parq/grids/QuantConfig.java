package io.parq.grids;

/**
 * How a parameter is quantized: its grid, what shares a scale, and what scales are rounded to.
 *
 * @param grid the levels
 * @param granularity what shares a scale
 * @param scaleType what scales are rounded to when they are fitted
 */
public record QuantConfig(Grid grid, Granularity granularity, ScaleType scaleType) {
  /** Checks that the scale type can carry the grid. */
  public QuantConfig {
    if (scaleType == ScaleType.E4M3
        && (grid.hasZeroPoint() || grid.hasOffset() || grid instanceof LsbqGrid)) {
      throw new IllegalArgumentException(
          "e4m3 scales with grid "
              + grid
              + ", expected one with a single scale and neither zero point nor offset");
    }
  }

  /**
   * torchao's defaults: the stretched grid for 2 and 3 bits (here for 1 bit too), the symmetric one
   * otherwise; per row; single-precision scales.
   *
   * @param bits 1 to 8
   * @return the configuration
   */
  public static QuantConfig of(int bits) {
    Grid grid = bits <= 3 ? UniformGrid.stretched(bits) : UniformGrid.symmetric(bits);
    return new QuantConfig(grid, Granularity.perRow(), ScaleType.FP32);
  }

  /**
   * {@return this with another grid}
   *
   * @param other the grid
   */
  public QuantConfig withGrid(Grid other) {
    return new QuantConfig(other, granularity, scaleType);
  }

  /**
   * {@return this with another granularity}
   *
   * @param other what shares a scale
   */
  public QuantConfig withGranularity(Granularity other) {
    return new QuantConfig(grid, other, scaleType);
  }

  /**
   * {@return this with another scale type}
   *
   * @param other what scales are rounded to
   */
  public QuantConfig withScaleType(ScaleType other) {
    return new QuantConfig(grid, granularity, other);
  }

  /** {@return the bits a stored code takes} */
  public int bits() {
    return grid.bits();
  }

  /** {@return the configuration as text, such as {@code stretched:3 per-row bf16}} */
  @Override
  public String toString() {
    return grid + " " + granularity + " " + scaleType;
  }

  /**
   * Reads what {@code toString} writes.
   *
   * @param text grid, granularity and scale type, separated by single spaces
   * @return the configuration
   * @throws IllegalArgumentException if a part is missing or unknown
   */
  public static QuantConfig parse(String text) {
    String[] words = text.split(" ", -1);
    if (words.length != 3) {
      throw new IllegalArgumentException(
          "configuration '" + text + "', expected GRID GRANULARITY SCALE_TYPE");
    }
    return new QuantConfig(
        Grid.parse(words[0]), Granularity.parse(words[1]), ScaleType.parse(words[2]));
  }
}

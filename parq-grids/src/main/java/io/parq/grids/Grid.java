package io.parq.grids;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Which values a block of weights may take once its scale is known. A grid is immutable and holds
 * no fitted state; that lives in a {@link Lattice}. Two grids are equal when their {@link #spec}
 * is.
 *
 * <p>Codes are small signed integers; the values they name ascend with the code. Rounding is to the
 * nearest level, ties to the even code. NaN never gets a level: its value is NaN and its code
 * undefined, so callers look for non-finite weights first, as every fit does.
 */
public abstract sealed class Grid permits UniformGrid, CodebookGrid {
  private final String spec;
  private final int bits;
  private final int minCode;
  private final int maxCode;
  private final boolean centred;

  Grid(String spec, int bits, int minCode, int maxCode, boolean centred) {
    this.spec = centred ? spec + "+centred" : spec;
    this.bits = bits;
    this.minCode = minCode;
    this.maxCode = maxCode;
    this.centred = centred;
  }

  /** {@return the grid as text, such as {@code stretched:3}; {@link #parse} reads it back} */
  public final String spec() {
    return spec;
  }

  /** {@return the bits that a stored code takes, 1 to 8 (2 for a ternary grid)} */
  public final int bits() {
    return bits;
  }

  /** {@return the smallest code} */
  public final int minCode() {
    return minCode;
  }

  /** {@return the largest code} */
  public final int maxCode() {
    return maxCode;
  }

  /** {@return the number of levels} */
  public final int levelCount() {
    return maxCode - minCode + 1;
  }

  /** {@return the number of fitted scales of a block: 1, or the basis size of an LSBQ grid} */
  public abstract int scalesPerBlock();

  /** {@return whether every block has an integer zero point of its own} */
  public abstract boolean hasZeroPoint();

  /** {@return whether every block has a float of its own that is added to each value} */
  public abstract boolean hasOffset();

  /**
   * {@return the same grid around the mean of each block instead of around zero}
   *
   * <p>Source: {@code center=True} of PARQ's quantizers.
   *
   * @throws IllegalArgumentException if the grid places itself already (asymmetric, codebook
   *     tables)
   */
  public abstract Grid centred();

  /** Whether the block's mean is subtracted before rounding and added back after. */
  final boolean isCentred() {
    return centred;
  }

  /**
   * Fits one block: writes its scales, zero point and offset to the lattice.
   *
   * @param x block values at {@code from .. from + length}; finite; not modified
   * @param largest their largest magnitude
   * @param importance weight of each element's squared error at the same places, or null
   */
  abstract void fit(
      float[] x,
      int from,
      int length,
      float largest,
      float @Nullable [] importance,
      Lattice out,
      int block);

  /** Scale of the whole tensor for two-level scale types, given what was fitted without it. */
  float tensorScale(float largestScale, float largestValue) {
    return largestScale / SmallFloat.E4M3_MAX;
  }

  /*
   * The maps take a part of one block, or whole blocks from the given one on.
   */

  abstract void nearest(
      Lattice l, int block, float[] x, int from, int length, MemorySegment q, long at);

  abstract void interval(
      Lattice l, int block, float[] x, int from, int length, float[] lower, float[] upper, int at);

  /** Writes the ascending levels of a block to {@code out[0 .. levelCount)}. */
  abstract void levels(Lattice l, int block, float[] out);

  /** {@link #interval} for levels of any kind. */
  final void searchInterval(
      Lattice l, int block, float[] x, int from, int length, float[] lower, float[] upper, int at) {
    float[] levels = Scratch.own().levels;
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      levels(l, b, levels);
      int n = Math.min(size, length - done);
      Lattice.KERNELS.searchInterval(
          levels, levelCount(), x, from + done, n, lower, upper, at + done);
    }
  }

  abstract void codes(
      Lattice l, int block, float[] x, int from, int length, byte[] codes, int codesFrom);

  abstract void values(
      Lattice l, int block, byte[] codes, int codesFrom, int length, float[] out, int from);

  /**
   * Reads what {@link #spec} writes.
   *
   * @param spec one of {@code symmetric:B}, {@code asymmetric:B}, {@code tinygemm}, {@code
   *     stretched:B}, {@code clipped:B:mean|max:INT_SHIFT:ZERO_POINT}, {@code
   *     asymmetric-uniform:B}, {@code ternary}, {@code lsbq-greedy:B}, {@code lsbq-optimal:B},
   *     {@code lsbq-optimal-ternary}, {@code lsbq-simple-ternary:MULTIPLIER}, {@code nf4}, {@code
   *     fp4}, with {@code +centred} or {@code +error-optimal} behind where the grid has that
   * @return the grid
   * @throws IllegalArgumentException if the text is none of these or a number is out of range
   */
  public static Grid parse(String spec) {
    String[] parts = spec.split("\\+", -1);
    Grid grid = parseBase(spec, parts[0].split(":", -1));
    for (int i = 1; i < parts.length; i++) {
      if (parts[i].equals("centred")) {
        grid = grid.centred();
      } else if (parts[i].equals("error-optimal") && grid instanceof UniformGrid uniform) {
        grid = uniform.errorOptimal();
      } else {
        throw unknown(spec, null);
      }
    }
    return grid;
  }

  private static Grid parseBase(String spec, String[] words) {
    try {
      return switch (words[0] + "/" + (words.length - 1)) {
        case "symmetric/1" -> UniformGrid.symmetric(Integer.parseInt(words[1]));
        case "asymmetric/1" -> UniformGrid.asymmetric(Integer.parseInt(words[1]));
        case "tinygemm/0" -> UniformGrid.tinygemm();
        case "stretched/1" -> UniformGrid.stretched(Integer.parseInt(words[1]));
        case "clipped/4" ->
            UniformGrid.clipped(
                Integer.parseInt(words[1]),
                clip(words[2]),
                Float.parseFloat(words[3]),
                Float.parseFloat(words[4]));
        case "asymmetric-uniform/1" -> UniformGrid.asymmetricUniform(Integer.parseInt(words[1]));
        case "ternary/0" -> UniformGrid.ternary();
        case "lsbq-greedy/1" -> LsbqGrid.greedy(Integer.parseInt(words[1]));
        case "lsbq-optimal/1" -> LsbqGrid.optimal(Integer.parseInt(words[1]));
        case "lsbq-optimal-ternary/0" -> LsbqGrid.optimalTernary();
        case "lsbq-simple-ternary/1" -> LsbqGrid.simpleTernary(Float.parseFloat(words[1]));
        case "nf4/0" -> TableGrid.NF4;
        case "fp4/0" -> TableGrid.FP4;
        default -> throw unknown(spec, null);
      };
    } catch (NumberFormatException e) {
      throw unknown(spec, e);
    }
  }

  private static UniformGrid.Clip clip(String word) {
    return switch (word) {
      case "mean" -> UniformGrid.Clip.MEAN;
      case "max" -> UniformGrid.Clip.MAX;
      default ->
          throw new IllegalArgumentException(
              "clipped grid fitted to '" + word + "', expected mean or max");
    };
  }

  private static IllegalArgumentException unknown(String spec, @Nullable Exception cause) {
    return new IllegalArgumentException(
        "grid '"
            + spec
            + "', expected one such as symmetric:4, asymmetric:4, stretched:3, ternary,"
            + " lsbq-greedy:2, nf4 or fp4",
        cause);
  }

  static int checkBits(String grid, int bits, int least, int most) {
    if (bits < least || bits > most) {
      throw new IllegalArgumentException(
          "%s grid of %d bits, expected %d to %d".formatted(grid, bits, least, most));
    }
    return bits;
  }

  @Override
  public final boolean equals(@Nullable Object other) {
    return other instanceof Grid grid && grid.spec.equals(spec);
  }

  @Override
  public final int hashCode() {
    return spec.hashCode();
  }

  @Override
  public final String toString() {
    return spec;
  }
}

package io.parq.optim;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;

/**
 * Pulls values towards the levels of a lattice, harder as training proceeds: between {@code
 * annealStart} and {@code annealEnd} from leaving them alone to rounding them. A map is a pure
 * function of values, lattice and step, and a value itself: maps compare by content, and {@link
 * #parse} reads what {@code toString} writes.
 *
 * <p>Nearest levels follow the lattice's rule for ties (half to even) at every step. The reference
 * does so only in steps that refit the lattice; in others it sends a value midway between two
 * levels to the lower one.
 */
public sealed interface ProxMap permits HardQuant, Parq, BinaryRelax, SoftQuant {
  /**
   * Maps values.
   *
   * @param step steps of the optimizer so far, warm-up included, at least 0
   * @param lattice the fitted lattice; not modified
   * @param block the block of the first value
   * @param x the values, finite (NaN stays NaN); not modified
   * @param from index of the first value
   * @param length number of values: a part of one block, or whole blocks from {@code block} on
   * @param w receives what they become as floats, fastest into native memory; modified
   * @param at index of the first of these
   * @param lower overwritten from index 0
   * @param upper overwritten from index 0
   */
  void apply(
      long step,
      Lattice lattice,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment w,
      long at,
      float[] lower,
      float[] upper);

  /**
   * The reciprocal of the map's slope between levels, which weight-decay annealing follows.
   *
   * @param step steps of the optimizer so far, at least 0
   * @return 1 (identity) falling to 0 (rounding) for {@link Parq}; 0 for the other maps
   */
  default double inverseSlope(long step) {
    return 0;
  }

  /** {@return the first step from which on the map rounds to the nearest level} */
  long annealEnd();

  /** {@return rounding to the nearest level at every step: the straight-through estimator} */
  static ProxMap hard() {
    return new HardQuant();
  }

  /**
   * {@return the piecewise-affine map with the reference's steepness 10 and centre 0.5}
   *
   * @param annealStart first step of the window, at least 0
   * @param annealEnd first step after it, above the start
   */
  static ProxMap parq(long annealStart, long annealEnd) {
    return new Parq(annealStart, annealEnd, 10, 0.5);
  }

  /**
   * {@return the weighted mean of value and nearest level}
   *
   * @param annealStart first step of the window, at least 0
   * @param annealEnd first step after it, above the start
   */
  static ProxMap binaryRelax(long annealStart, long annealEnd) {
    return new BinaryRelax(annealStart, annealEnd);
  }

  /**
   * {@return the smooth staircase with the reference's temperatures, 1 rising linearly to 1000}
   *
   * @param annealStart first step of the window, at least 0
   * @param annealEnd first step after it, above the start
   */
  static ProxMap softQuant(long annealStart, long annealEnd) {
    return new SoftQuant(annealStart, annealEnd, 1, 1e3, 1);
  }

  /**
   * Reads what {@code toString} writes; what follows the window may be left out.
   *
   * @param text {@code hard}, {@code parq:START:END:STEEPNESS:CENTRE}, {@code
   *     binary-relax:START:END} or {@code soft-quant:START:END:T_START:T_END:T_POWER}
   * @return the map
   * @throws IllegalArgumentException if the text is none of these or a number is out of range
   */
  static ProxMap parse(String text) {
    String[] words = text.split(":", -1);
    try {
      return switch (words[0] + "/" + (words.length - 1)) {
        case "hard/0" -> hard();
        case "parq/2" -> parq(Long.parseLong(words[1]), Long.parseLong(words[2]));
        case "parq/4" ->
            new Parq(
                Long.parseLong(words[1]),
                Long.parseLong(words[2]),
                Double.parseDouble(words[3]),
                Double.parseDouble(words[4]));
        case "binary-relax/2" -> binaryRelax(Long.parseLong(words[1]), Long.parseLong(words[2]));
        case "soft-quant/2" -> softQuant(Long.parseLong(words[1]), Long.parseLong(words[2]));
        case "soft-quant/5" ->
            new SoftQuant(
                Long.parseLong(words[1]),
                Long.parseLong(words[2]),
                Double.parseDouble(words[3]),
                Double.parseDouble(words[4]),
                Double.parseDouble(words[5]));
        default -> throw new NumberFormatException();
      };
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "proximal map '%s', expected hard, parq:START:END, binary-relax:START:END or soft-quant:START:END"
              .formatted(text),
          e);
    }
  }
}

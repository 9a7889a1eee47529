package io.parq.cli.recipe;

import org.jspecify.annotations.Nullable;

/**
 * A number of training steps, counted or as a fraction of all steps. In a recipe, a whole number
 * counts ({@code 50}) and a number with a decimal point is a fraction ({@code 0.1}), so that {@code
 * 1} is one step and {@code 1.0} all of them.
 *
 * @param amount steps, or a fraction from 0 to 1
 * @param isFraction which of them
 */
public record Steps(double amount, boolean isFraction) {
  /** Checks the range. */
  public Steps {
    if (!(amount >= 0 && amount <= (isFraction ? 1 : Integer.MAX_VALUE))) {
      throw new IllegalArgumentException(
          isFraction
              ? "fraction of steps " + amount + ", expected 0.0 to 1.0"
              : "steps " + amount + ", expected at least 0");
    }
  }

  static @Nullable Steps parse(String text) {
    if (text.matches("\\d{1,9}")) {
      return new Steps(Integer.parseInt(text), false);
    }
    if (text.matches("\\d*\\.\\d+([eE]-?\\d+)?|\\d+[eE]-\\d+|\\d+\\.")) {
      double fraction = Double.parseDouble(text);
      return fraction <= 1 ? new Steps(fraction, true) : null;
    }
    return null;
  }

  /**
   * {@return the number of steps, a fraction rounded to the nearest}
   *
   * @param totalSteps all steps of the training, at least 1
   */
  public long of(long totalSteps) {
    return isFraction ? Math.round(amount * totalSteps) : (long) amount;
  }

  /**
   * {@return after how many steps something recurs: 0 for never, otherwise at least 1}
   *
   * @param totalSteps all steps of the training, at least 1
   */
  public long period(long totalSteps) {
    return amount == 0 ? 0 : Math.max(1, of(totalSteps));
  }

  /** {@return the amount as a recipe spells it} */
  @Override
  public String toString() {
    return isFraction ? Double.toString(amount) : Long.toString((long) amount);
  }
}

package io.parq.cli.recipe;

import java.util.Collection;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** Guesses which of the right names a wrong one was meant to be. */
final class Nearest {
  private Nearest() {}

  /** {@return the right name that is closest, or null if none is close} */
  static @Nullable String of(String wrong, Collection<String> right) {
    String spelled = wrong.strip().replace('_', '-');
    int tolerance = Math.max(1, spelled.length() / 3);
    return spelled.length() > 64
        ? null
        : right.stream()
            .filter(name -> distance(spelled, name.replace('_', '-')) <= tolerance)
            .min(Comparator.comparingInt(name -> distance(spelled, name.replace('_', '-'))))
            .orElse(null);
  }

  /** {@return the end of a message: which name was meant, or nothing} */
  static String hint(String wrong, Collection<String> right) {
    String nearest = of(wrong, right);
    return nearest == null ? "" : "; did you mean " + nearest + "?";
  }

  /**
   * Insertions, deletions, replacements and swaps of neighbours that turn one word into the other,
   * upper and lower case being the same (optimal string alignment).
   */
  static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        d[i][j] = i == 0 || j == 0 ? i + j : cheapest(d, a, b, i, j);
      }
    }
    return d[a.length()][b.length()];
  }

  private static int cheapest(int[][] d, String a, String b, int i, int j) {
    int replaced = d[i - 1][j - 1] + (same(a, i - 1, b, j - 1) ? 0 : 1);
    int best = Math.min(replaced, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
    boolean swapped = i > 1 && j > 1 && same(a, i - 1, b, j - 2) && same(a, i - 2, b, j - 1);
    return swapped ? Math.min(best, d[i - 2][j - 2] + 1) : best;
  }

  private static boolean same(String a, int i, String b, int j) {
    return Character.toLowerCase(a.charAt(i)) == Character.toLowerCase(b.charAt(j));
  }
}

package io.parq.cli.recipe;

import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A grid as people write it: {@code auto}, a name that takes its width from elsewhere ({@code
 * stretched} with 3 bits), or a full one ({@code ternary}, {@code stretched:3}).
 *
 * @param text what was written
 */
public record GridName(String text) {
  private static final String AUTO = "auto";
  private static final List<String> WIDTHLESS =
      List.of(
          "symmetric",
          "asymmetric",
          "stretched",
          "asymmetric-uniform",
          "lsbq-greedy",
          "lsbq-optimal");
  private static final List<String> FULL =
      List.of("ternary", "tinygemm", "lsbq-optimal-ternary", "nf4", "fp4");
  private static final Pattern WITH_SUFFIXES = Pattern.compile("([a-z-]+)((?:\\+[a-z-]+)*)");
  private static final Pattern WITH_BITS = Pattern.compile("([a-z-]+):([1-8])((?:\\+[a-z-]+)*)");

  static Type<GridName> type() {
    List<String> names = new ArrayList<>(List.of(AUTO));
    names.addAll(WIDTHLESS);
    names.addAll(FULL);
    return Types.scalar(
        String.join(", ", names)
            + ", or a full name such as lsbq-simple-ternary:1.1 or clipped:3:max:1.0:0.0;"
            + " +error-optimal or +centred may follow",
        names,
        GridName::parse);
  }

  private static @Nullable GridName parse(String text) {
    GridName name = new GridName(text);
    try {
      Grid unused = name.grid(name.isAuto() || name.isWidthless() ? 2 : null);
      return name;
    } catch (IllegalArgumentException e) {
      String message = e.getMessage();
      if (message == null || message.startsWith("grid '")) {
        return null;
      }
      throw e;
    }
  }

  /** {@return how a grid is written next to its bits} */
  static GridName of(Grid grid) {
    Matcher parts = WITH_BITS.matcher(grid.spec());
    return parts.matches() && WIDTHLESS.contains(parts.group(1))
        ? new GridName(parts.group(1) + parts.group(3))
        : new GridName(grid.spec());
  }

  /** {@return whether the bits alone tell the grid} */
  public boolean isAuto() {
    return text.equals(AUTO);
  }

  /** {@return whether the name needs bits} */
  public boolean isWidthless() {
    Matcher parts = WITH_SUFFIXES.matcher(text);
    return parts.matches() && WIDTHLESS.contains(parts.group(1));
  }

  /**
   * {@return the grid}
   *
   * @param bits the width for a name that needs one; null for others
   * @throws IllegalArgumentException if the grid does not come in that width
   */
  public Grid grid(@Nullable Integer bits) {
    Matcher parts = WITH_SUFFIXES.matcher(text);
    if (bits != null && isAuto()) {
      return QuantConfig.of(bits).grid();
    }
    return bits != null && isWidthless() && parts.matches()
        ? Grid.parse(parts.group(1) + ":" + bits + parts.group(2))
        : Grid.parse(text);
  }
}

package io.parq.cli.recipe;

import java.util.List;
import java.util.Map;

/** A piece of a recipe before anything is known about its meaning, and where it stands. */
sealed interface Node {
  /** The line of the key that it belongs to, or its own for an item of a list. */
  Place place();

  /** What an error message says was found. */
  String describe();

  /**
   * Text, a number, true, false or nothing; which of these, the key decides.
   *
   * @param plain whether it stood without quotes
   */
  record Scalar(Place place, String text, boolean plain) implements Node {
    private static final int SHOWN = 60;

    /** Whether nothing was written, or YAML's word for nothing. */
    boolean isEmpty() {
      return plain
          && switch (text) {
            case "", "~", "null", "Null", "NULL" -> true;
            default -> false;
          };
    }

    @Override
    public String describe() {
      return "'" + shortened(text) + "'";
    }

    static String shortened(String text) {
      return text.length() > SHOWN ? text.substring(0, SHOWN) + "..." : text;
    }
  }

  /**
   * Keys and values, in the order of the recipe.
   *
   * @param entries values by key
   */
  record Mapping(Place place, Map<String, Node> entries) implements Node {
    @Override
    public String describe() {
      return entries.isEmpty()
          ? "an empty mapping"
          : "a mapping of " + Node.Scalar.shortened(String.join(", ", entries.keySet()));
    }
  }

  /**
   * Items in order.
   *
   * @param items the items
   */
  record Sequence(Place place, List<Node> items) implements Node {
    @Override
    public String describe() {
      return "a list of " + items.size();
    }
  }
}

package io.parq.cli.recipe;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Keys that the command line sets. */
final class Overrides {
  private Overrides() {}

  /**
   * {@return the recipe with a key set}
   *
   * @param override KEY=VALUE
   */
  static Node.Mapping apply(Node.Mapping recipe, String override, Reading reading) {
    Place place = Place.override();
    int end = override.indexOf('=');
    String key = end < 0 ? override : override.substring(0, end).strip();
    if (end < 0 || key.isEmpty()) {
      reading.problem(place, key.isEmpty() ? "'" + override + "'" : key, "expected KEY=VALUE");
      return recipe;
    }
    Node value = YamlReader.value(override.substring(end + 1).strip(), place, key, reading);
    if (value == null) {
      return recipe;
    }
    Node.Mapping changed = set(recipe, key, key, value, reading);
    return switch (key) {
      case "train.steps" -> without(changed, "epochs", value);
      case "train.epochs" -> without(changed, "steps", value);
      default -> changed;
    };
  }

  private static Node.Mapping set(
      Node.Mapping mapping, String rest, String key, Node value, Reading reading) {
    Map<String, Node> entries = new LinkedHashMap<>(mapping.entries());
    int dot = rest.indexOf('.');
    if (dot < 0) {
      entries.put(rest, value);
      return new Node.Mapping(mapping.place(), entries);
    }
    String name = rest.substring(0, dot);
    Node inner = inner(mapping.entries().get(name), value.place());
    if (inner instanceof Node.Mapping section) {
      entries.put(name, set(section, rest.substring(dot + 1), key, value, reading));
    } else {
      reading.problem(
          value.place(),
          key,
          "%s is %s in line %d, expected a mapping"
              .formatted(name, inner.describe(), inner.place().line()));
    }
    return new Node.Mapping(mapping.place(), entries);
  }

  private static Node inner(@Nullable Node there, Place place) {
    return there == null || (there instanceof Node.Scalar scalar && scalar.isEmpty())
        ? new Node.Mapping(place, Map.of())
        : there;
  }

  /** Of steps and epochs, the one from the command line replaces the one from the file. */
  private static Node.Mapping without(Node.Mapping recipe, String other, Node value) {
    boolean none = value instanceof Node.Scalar scalar && scalar.text().equals("none");
    if (none || !(recipe.entries().get("train") instanceof Node.Mapping train)) {
      return recipe;
    }
    Map<String, Node> kept = new LinkedHashMap<>(train.entries());
    kept.remove(other);
    Map<String, Node> entries = new LinkedHashMap<>(recipe.entries());
    entries.put("train", new Node.Mapping(train.place(), kept));
    return new Node.Mapping(recipe.place(), entries);
  }
}

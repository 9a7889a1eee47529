package io.parq.cli.recipe;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A mapping with known keys.
 *
 * @param keys its keys, in the order in which they are printed
 */
record Section(List<Key<?>> keys) implements Type<Values> {
  static Section of(Key<?>... keys) {
    return new Section(List.of(keys));
  }

  @Override
  public String expected() {
    return "a mapping of " + String.join(", ", names());
  }

  private List<String> names() {
    return keys.stream().map(Key::name).toList();
  }

  @Override
  public @Nullable Values read(Node node, String path, Reading reading) {
    if (!(node instanceof Node.Mapping mapping)) {
      reading.problem(
          node.place(), path, "found " + Types.found(node) + ", expected " + expected());
      return null;
    }
    Map<Key<?>, Object> found = new LinkedHashMap<>();
    Values values = new Values(mapping, path, reading, found);
    mapping.entries().keySet().stream()
        .filter(name -> keys.stream().noneMatch(key -> key.name().equals(name)))
        .forEach(name -> unknown(name, values));
    for (Key<?> key : keys) {
      Object value = value(key, mapping, values, reading);
      if (value != null) {
        found.put(key, value);
      }
    }
    keys.forEach(key -> checkThatItApplies(key, values));
    return values;
  }

  private static @Nullable Object value(
      Key<?> key, Node.Mapping mapping, Values values, Reading reading) {
    Node given = mapping.entries().get(key.name());
    if (given == null && key.isRequired()) {
      if (!values.isMisspelled(key)) {
        values.problem(key, "missing, expected " + key.type().expected());
      }
      return null;
    }
    Node node = given == null ? defaultNode(key, mapping.place()) : given;
    return key.type().read(node, values.path(key), reading);
  }

  /** {@return what is read where a key was left out} */
  static Node defaultNode(Key<?> key, Place place) {
    Reading own = new Reading(java.nio.file.Path.of(""), false);
    Node node = YamlReader.value(key.text(), place, key.name(), own);
    if (node == null) {
      throw new AssertionError("default of " + key.name());
    }
    return node;
  }

  private void unknown(String name, Values values) {
    List<String> names = names();
    String nearest = Nearest.of(name, names);
    if (nearest != null) {
      values.misspelled(nearest);
    }
    String elsewhere = nearest == null ? Keys.elsewhere(name) : nearest;
    values.problem(
        name,
        "unknown key, expected one of "
            + String.join(", ", names)
            + (elsewhere == null ? "" : "; did you mean " + elsewhere + "?"));
  }

  private static void checkThatItApplies(Key<?> key, Values values) {
    Key<?> selector = key.selector();
    if (selector != null
        && values.isGiven(key)
        && values.isSound(selector)
        && !key.applies(values)) {
      values.problem(
          key,
          "does not apply with %s: %s, expected %s"
              .formatted(
                  selector.name(), Types.name((Enum<?>) values.get(selector)), key.condition()));
    }
  }
}

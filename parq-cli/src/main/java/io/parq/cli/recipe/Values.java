package io.parq.cli.recipe;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** What a section of a recipe says, defaults included. */
final class Values {
  private final Node.Mapping mapping;
  private final String path;
  private final Reading reading;
  private final Map<Key<?>, Object> found;
  private final Set<String> misspelled = new HashSet<>();

  /**
   * The values of a section.
   *
   * @param found the values that could be read
   */
  Values(Node.Mapping mapping, String path, Reading reading, Map<Key<?>, Object> found) {
    this.mapping = mapping;
    this.path = path;
    this.reading = reading;
    this.found = found;
  }

  /** {@return the value; for one that could not be read, whose problem is known, the default} */
  @SuppressWarnings("unchecked") // Section reads a key's value with the key's own type.
  <T> T get(Key<T> key) {
    T value = (T) found.get(key);
    if (value != null) {
      return value;
    }
    Reading own = new Reading(Path.of(""), false);
    Node node = Section.defaultNode(key, mapping.place());
    return Objects.requireNonNull(key.type().read(node, path(key), own), key.name());
  }

  /** Whether the recipe has no key of the section. */
  boolean isEmpty() {
    return mapping.entries().isEmpty();
  }

  /** Whether the recipe has the key itself. */
  boolean isGiven(Key<?> key) {
    return mapping.entries().containsKey(key.name());
  }

  /** Notes that an unknown key was probably meant to be this one. */
  void misspelled(String name) {
    misspelled.add(name);
  }

  boolean isMisspelled(Key<?> key) {
    return misspelled.contains(key.name());
  }

  /** Whether values could be read, or were left out on purpose. */
  boolean isSound(Key<?>... keys) {
    for (Key<?> key : keys) {
      if (!found.containsKey(key) || isMisspelled(key)) {
        return false;
      }
    }
    return true;
  }

  /** {@return the full path of a key of this section} */
  String path(Key<?> key) {
    return path(key.name());
  }

  private String path(String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  /** Reports a problem with a key, or with the section where the key was left out. */
  void problem(Key<?> key, String message) {
    problem(key.name(), message);
  }

  void problem(String name, String message) {
    Node node = mapping.entries().get(name);
    reading.problem(node == null ? mapping.place() : node.place(), path(name), message);
  }
}

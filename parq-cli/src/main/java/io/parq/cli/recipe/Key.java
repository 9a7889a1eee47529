package io.parq.cli.recipe;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A key of a section: its name, what it holds, and what it means. Keys compare by identity.
 *
 * @param <T> what its value becomes
 */
final class Key<T> {
  private final String name;
  private final Type<T> type;
  private final String text;
  private final String meaning;
  private final boolean required;
  private final @Nullable Key<?> selector;
  private final List<? extends Enum<?>> selected;

  private Key(
      String name,
      Type<T> type,
      String text,
      String meaning,
      boolean required,
      @Nullable Key<?> selector,
      List<? extends Enum<?>> selected) {
    this.name = name;
    this.type = type;
    this.text = text;
    this.meaning = meaning;
    this.required = required;
    this.selector = selector;
    this.selected = selected;
  }

  /** A key that may be left out. */
  static <T> Key<T> of(String name, Type<T> type, String defaultText, String meaning) {
    return new Key<>(name, type, defaultText, meaning, false, null, List.of());
  }

  /** A key that must be there. */
  static <T> Key<T> required(String name, Type<T> type, String example, String meaning) {
    return new Key<>(name, type, example, meaning, true, null, List.of());
  }

  /** {@return this key, allowed only where another one has one of some values} */
  Key<T> onlyWith(Key<?> other, Enum<?>... values) {
    return new Key<>(name, type, text, meaning, required, other, Arrays.asList(values));
  }

  String name() {
    return name;
  }

  Type<T> type() {
    return type;
  }

  /** {@return the default, or an example if the key is required, as a recipe spells it} */
  String text() {
    return text;
  }

  String meaning() {
    return meaning;
  }

  boolean isRequired() {
    return required;
  }

  /** {@return what must be chosen for this key to apply, such as map: parq; empty if nothing} */
  String condition() {
    return selector == null ? "" : selector.name + ": " + String.join(" or ", selectedNames());
  }

  private List<String> selectedNames() {
    return selected.stream().map(Types::name).toList();
  }

  /** Whether the key means anything next to the section's other values. */
  boolean applies(Values values) {
    return selector == null || selected.contains(values.get(selector));
  }

  /** Whether the key means anything if its selector has a value of this name. */
  boolean appliesTo(String name) {
    return selectedNames().contains(name);
  }

  /** {@return the key that decides whether this one applies, or null} */
  @Nullable Key<?> selector() {
    return selector;
  }
}

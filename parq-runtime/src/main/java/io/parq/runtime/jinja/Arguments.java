package io.parq.runtime.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a function, filter or method is called with. */
record Arguments(List<@Nullable Object> positional, Map<String, @Nullable Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /** The argument of an index or else a name; {@link Undefined} without it. */
  @Nullable Object get(int index, String name) {
    if (index < positional.size()) {
      return positional.get(index);
    }
    return named.containsKey(name) ? named.get(name) : Undefined.ofName(name);
  }

  @Nullable Object get(int index, String name, @Nullable Object otherwise) {
    Object value = get(index, name);
    return value instanceof Undefined ? otherwise : value;
  }

  String text(int index, String name) {
    return Values.expect(String.class, get(index, name), name);
  }

  int number(int index, String name, int otherwise) {
    Object value = get(index, name, (long) otherwise);
    return Math.toIntExact(Values.expect(Long.class, value, name));
  }
}

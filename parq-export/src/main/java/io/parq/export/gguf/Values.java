package io.parq.export.gguf;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values of a header whose keys begin alike, with errors that name what was expected. */
record Values(Map<String, Object> metadata, String prefix) {

  @Nullable Object get(String key) {
    return metadata.get(prefix + key);
  }

  boolean has(String key) {
    return metadata.containsKey(prefix + key);
  }

  /** A whole number of at least 1. */
  long number(String key) {
    if (!(get(key) instanceof Long value) || value < 1 || value > Integer.MAX_VALUE) {
      throw error(key, "a whole number from 1 to 2^31 - 1");
    }
    return value;
  }

  long number(String key, long otherwise) {
    return has(key) ? number(key) : otherwise;
  }

  /** A token's id, or null if there is none. */
  @Nullable Integer id(String key, int size) {
    if (!has(key)) {
      return null;
    }
    if (!(get(key) instanceof Long value) || value < 0 || value >= size) {
      throw error(key, "an id from 0 to " + (size - 1));
    }
    return value.intValue();
  }

  double real(String key) {
    if (!(get(key) instanceof Number value) || !(value.doubleValue() > 0)) {
      throw error(key, "a number above 0");
    }
    // The shortest decimal, so that 1e-6 in single precision is 1e-6 again.
    return value instanceof Float ? Double.parseDouble(value.toString()) : value.doubleValue();
  }

  double real(String key, double otherwise) {
    return has(key) ? real(key) : otherwise;
  }

  boolean flag(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!(get(key) instanceof Boolean value)) {
      throw error(key, "true or false");
    }
    return value;
  }

  String text(String key, String otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!(get(key) instanceof String value)) {
      throw error(key, "a text");
    }
    return value;
  }

  /** A list of values of one type. */
  <T> List<T> list(String key, Class<T> type) {
    if (!(get(key) instanceof List<?> values) || !values.stream().allMatch(type::isInstance)) {
      throw error(key, "a list of " + type.getSimpleName());
    }
    return values.stream().map(type::cast).toList();
  }

  IllegalArgumentException error(String key, String expected) {
    Object found = get(key);
    String shown = found instanceof List<?> list ? "a list of " + list.size() : "" + found;
    return new IllegalArgumentException(
        "%s%s: %s, expected %s"
            .formatted(prefix, key, found == null ? "missing" : shown, expected));
  }
}

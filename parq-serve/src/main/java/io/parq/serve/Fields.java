package io.parq.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The parameters of a request. Null counts as not there. */
final class Fields {
  private final JsonNode node;

  Fields(JsonNode node) {
    if (!node.isObject()) {
      throw ApiException.request(400, null, "the body is no JSON object, expected one");
    }
    this.node = node;
  }

  JsonNode get(String name) {
    return node.path(name);
  }

  boolean has(String name) {
    return node.hasNonNull(name);
  }

  double number(String name, double otherwise, double least, double most) {
    if (!has(name)) {
      return otherwise;
    }
    JsonNode value = get(name);
    if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw wrong(name, "a number from %s to %s".formatted(plain(least), plain(most)));
    }
    return value.doubleValue();
  }

  private static String plain(double number) {
    return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
  }

  long whole(String name, long otherwise, long least, long most) {
    if (!has(name)) {
      return otherwise;
    }
    JsonNode value = get(name);
    if (!value.canConvertToLong()
        || !value.canConvertToExactIntegral()
        || value.longValue() < least
        || value.longValue() > most) {
      throw wrong(name, "a whole number from %d to %d".formatted(least, most));
    }
    return value.longValue();
  }

  boolean flag(String name) {
    if (has(name) && !get(name).isBoolean()) {
      throw wrong(name, "true or false");
    }
    return get(name).booleanValue();
  }

  /** A string or a list of them. */
  List<String> strings(String name, int most) {
    List<String> strings = new ArrayList<>();
    if (has(name)) {
      JsonNode value = get(name);
      for (JsonNode item : value.isArray() ? value : List.of(value)) {
        if (!item.isTextual() || item.textValue().isEmpty() || strings.size() == most) {
          throw wrong(name, "a string or up to %d of them, none empty".formatted(most));
        }
        strings.add(item.textValue());
      }
    }
    return strings;
  }

  /** Refuses parameters that would change the answer, unless they ask for nothing. */
  void refuse(Set<String> names) {
    for (String name : names) {
      JsonNode value = get(name);
      boolean nothing =
          !has(name)
              || (value.isContainerNode() && value.isEmpty())
              || (value.isBoolean() && !value.booleanValue())
              || (value.isNumber() && value.doubleValue() == 0)
              || (value.isTextual() && (value.asText().isEmpty() || value.asText().equals("none")));
      if (!nothing) {
        throw ApiException.parameter(
            name, "unsupported_parameter", name + " is not supported here");
      }
    }
  }

  ApiException wrong(String name, String expected) {
    String found = get(name).toString();
    return ApiException.parameter(
        name,
        "%s is %s, expected %s"
            .formatted(name, found.length() > 60 ? found.substring(0, 60) + "…" : found, expected));
  }
}

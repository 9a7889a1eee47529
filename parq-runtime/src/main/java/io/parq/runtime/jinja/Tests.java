package io.parq.runtime.jinja;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What stands behind {@code is}. */
final class Tests {
  private static final Set<String> NAMES =
      Set.of(
          "defined",
          "undefined",
          "none",
          "true",
          "false",
          "boolean",
          "string",
          "number",
          "integer",
          "float",
          "mapping",
          "sequence",
          "iterable",
          "callable",
          "odd",
          "even",
          "divisibleby",
          "in",
          "eq",
          "equalto",
          "==",
          "ne",
          "!=",
          "gt",
          "greaterthan",
          ">",
          "ge",
          ">=",
          "lt",
          "lessthan",
          "<",
          "le",
          "<=",
          "upper",
          "lower");

  private Tests() {}

  static boolean exists(String name) {
    return NAMES.contains(name);
  }

  static boolean test(String name, @Nullable Object value, Arguments arguments) {
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value == null;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "boolean" -> value instanceof Boolean;
      case "string" -> value instanceof String;
      case "number" -> Values.isNumber(value);
      case "integer" -> value instanceof Long;
      case "float" -> value instanceof Double;
      case "mapping" -> value instanceof Map;
      case "sequence" -> value instanceof List || value instanceof String || value instanceof Map;
      case "iterable" ->
          value instanceof Collection
              || value instanceof String
              || value instanceof Map
              || value instanceof Undefined;
      case "callable" -> value instanceof Function;
      case "odd" -> !isMultiple(value, 2L);
      case "even" -> isMultiple(value, 2L);
      case "divisibleby" -> isMultiple(value, arguments.get(0, "num"));
      case "in" -> Values.contains(arguments.get(0, "seq"), value);
      case "upper" -> PythonText.of(value).equals(PythonText.of(value).toUpperCase(Locale.ROOT));
      case "lower" -> PythonText.of(value).equals(PythonText.of(value).toLowerCase(Locale.ROOT));
      default -> compare(name, value, arguments.get(0, "other"));
    };
  }

  private static boolean isMultiple(@Nullable Object value, @Nullable Object number) {
    return Values.equal(Values.arithmetic("%", value, number), 0L);
  }

  private static boolean compare(String name, @Nullable Object value, @Nullable Object other) {
    return switch (name) {
      case "eq", "equalto", "==" -> Values.equal(value, other);
      case "ne", "!=" -> !Values.equal(value, other);
      case "gt", "greaterthan", ">" -> Values.compare(value, other) > 0;
      case "ge", ">=" -> Values.compare(value, other) >= 0;
      case "lt", "lessthan", "<" -> Values.compare(value, other) < 0;
      case "le", "<=" -> Values.compare(value, other) <= 0;
      default -> throw new TemplateException("no test named '" + name + "'");
    };
  }
}

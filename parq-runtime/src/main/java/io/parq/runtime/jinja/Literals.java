package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Expressions that are values by themselves, or made of others. */
final class Literals {
  private Literals() {}

  static Expression list(List<Expression> expressions) {
    return scope -> {
      List<@Nullable Object> values = new ArrayList<>();
      expressions.forEach(expression -> values.add(expression.value(scope)));
      return values;
    };
  }

  /** A constant or a variable. */
  static Expression name(String name) {
    return switch (name) {
      case "true", "True" -> _ -> true;
      case "false", "False" -> _ -> false;
      case "none", "None" -> _ -> null;
      default -> scope -> scope.get(name);
    };
  }

  static Expression dictionary(Map<Expression, Expression> entries) {
    return scope -> {
      Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
      entries.forEach((key, value) -> map.put(key.value(scope), value.value(scope)));
      return map;
    };
  }
}

package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What values mean, as in Python: null is None, whole numbers are Long, others Double; and String,
 * Boolean, List, Map, {@link Function}, {@link Undefined}.
 */
final class Values {
  private Values() {}

  /** A value in the types that are known here. */
  static @Nullable Object of(@Nullable Object value) {
    return switch (value) {
      case Integer number -> (Object) number.longValue();
      case Short number -> number.longValue();
      case Float number -> number.doubleValue();
      case null, default -> value;
    };
  }

  static <T> T expect(Class<T> type, @Nullable Object value, String what) {
    if (value instanceof Undefined undefined) {
      throw undefined.problem();
    }
    if (!type.isInstance(value)) {
      throw new TemplateException(
          "%s is %s, expected a %s"
              .formatted(
                  what, PythonText.repr(value), type.getSimpleName().toLowerCase(Locale.ROOT)));
    }
    return type.cast(value);
  }

  static boolean isTrue(@Nullable Object value) {
    return switch (value) {
      case null -> false;
      case Undefined _ -> false;
      case Boolean flag -> flag;
      case Long number -> number != 0;
      case Double number -> number != 0;
      case String text -> !text.isEmpty();
      case Collection<?> items -> !items.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> true;
    };
  }

  /** The items that a loop sees: of a dictionary its keys, of a text its characters. */
  static List<@Nullable Object> items(@Nullable Object value) {
    return switch (value) {
      case Undefined _ -> List.of();
      case Collection<?> items -> new ArrayList<>(items);
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case String text -> new ArrayList<>(text.codePoints().mapToObj(Character::toString).toList());
      case null, default ->
          throw new TemplateException(PythonText.repr(value) + " cannot be iterated");
    };
  }

  static long length(@Nullable Object value) {
    return switch (value) {
      case Undefined _ -> 0;
      case String text -> text.codePointCount(0, text.length());
      case Collection<?> items -> items.size();
      case Map<?, ?> map -> map.size();
      case null, default -> throw new TemplateException(PythonText.repr(value) + " has no length");
    };
  }

  static boolean equal(@Nullable Object a, @Nullable Object b) {
    if (isNumber(a) && isNumber(b)) {
      return (isWhole(a) && isWhole(b)) ? whole(a) == whole(b) : decimal(a) == decimal(b);
    }
    if (a instanceof List<?> one && b instanceof List<?> other) {
      if (one.size() != other.size()) {
        return false;
      }
      for (int i = 0; i < one.size(); i++) {
        if (!equal(one.get(i), other.get(i))) {
          return false;
        }
      }
      return true;
    }
    return Objects.equals(a, b);
  }

  static int compare(@Nullable Object a, @Nullable Object b) {
    if (isNumber(a) && isNumber(b)) {
      return isWhole(a) && isWhole(b)
          ? Long.compare(whole(a), whole(b))
          : Double.compare(decimal(a), decimal(b));
    }
    if (a instanceof String one && b instanceof String other) {
      return one.compareTo(other);
    }
    if (a instanceof List<?> one && b instanceof List<?> other) {
      for (int i = 0; i < Math.min(one.size(), other.size()); i++) {
        if (!equal(one.get(i), other.get(i))) {
          return compare(one.get(i), other.get(i));
        }
      }
      return Integer.compare(one.size(), other.size());
    }
    throw mismatch("<", a, b);
  }

  /** Comparisons by their operators. */
  static boolean holds(String operator, @Nullable Object a, @Nullable Object b) {
    return switch (operator) {
      case "==" -> equal(a, b);
      case "!=" -> !equal(a, b);
      case "<" -> compare(a, b) < 0;
      case "<=" -> compare(a, b) <= 0;
      case ">" -> compare(a, b) > 0;
      default -> compare(a, b) >= 0;
    };
  }

  static boolean contains(@Nullable Object container, @Nullable Object item) {
    return switch (container) {
      case String text -> text.contains(expect(String.class, item, "what is looked for"));
      case Map<?, ?> map -> map.containsKey(item);
      case Undefined _ -> false;
      case null, default -> items(container).stream().anyMatch(other -> equal(other, item));
    };
  }

  /** {@code + - * / // % **}. */
  static Object arithmetic(String operator, @Nullable Object a, @Nullable Object b) {
    if (a instanceof Undefined undefined) {
      throw undefined.problem();
    }
    if (b instanceof Undefined undefined) {
      throw undefined.problem();
    }
    if (operator.equals("+") && a instanceof String one && b instanceof String other) {
      return one + other;
    }
    if (operator.equals("+") && a instanceof List<?> one && b instanceof List<?> other) {
      List<@Nullable Object> both = new ArrayList<>(one);
      both.addAll(other);
      return both;
    }
    if (operator.equals("*") && a instanceof String text && isWhole(b)) {
      return text.repeat((int) Math.max(0, whole(b)));
    }
    if (!isNumber(a) || !isNumber(b)) {
      throw mismatch(operator, a, b);
    }
    boolean isWhole = isWhole(a) && isWhole(b);
    if (operator.matches("/|//|%") && decimal(b) == 0) {
      throw new TemplateException("division by zero");
    }
    return switch (operator) {
      case "+" -> isWhole ? (Object) (whole(a) + whole(b)) : (Object) (decimal(a) + decimal(b));
      case "-" -> isWhole ? (Object) (whole(a) - whole(b)) : (Object) (decimal(a) - decimal(b));
      case "*" -> isWhole ? (Object) (whole(a) * whole(b)) : (Object) (decimal(a) * decimal(b));
      case "/" -> decimal(a) / decimal(b);
      case "//" ->
          isWhole
              ? (Object) Math.floorDiv(whole(a), whole(b))
              : (Object) Math.floor(decimal(a) / decimal(b));
      case "%" ->
          isWhole
              ? (Object) Math.floorMod(whole(a), whole(b))
              : (Object) (decimal(a) - decimal(b) * Math.floor(decimal(a) / decimal(b)));
      default -> {
        double power = Math.pow(decimal(a), decimal(b));
        yield isWhole && whole(b) >= 0 ? (Object) (long) power : (Object) power;
      }
    };
  }

  private static TemplateException mismatch(
      String operator, @Nullable Object a, @Nullable Object b) {
    return new TemplateException(
        "%s %s %s: these do not go together"
            .formatted(PythonText.repr(a), operator, PythonText.repr(b)));
  }

  static boolean isNumber(@Nullable Object value) {
    return value instanceof Double || isWhole(value);
  }

  private static boolean isWhole(@Nullable Object value) {
    return value instanceof Long || value instanceof Boolean;
  }

  private static long whole(@Nullable Object value) {
    return value instanceof Boolean flag ? (flag ? 1 : 0) : expect(Long.class, value, "number");
  }

  private static double decimal(@Nullable Object value) {
    return value instanceof Double number ? number : whole(value);
  }

  /** {@code value[key]}, or {@link Undefined}. */
  static @Nullable Object item(@Nullable Object value, @Nullable Object key) {
    return switch (value) {
      case Undefined undefined -> throw undefined.problem();
      case Map<?, ?> map when map.containsKey(key) -> of(map.get(key));
      case List<?> list when key instanceof Long index -> {
        long at = index < 0 ? index + list.size() : index;
        yield at >= 0 && at < list.size()
            ? of(list.get((int) at))
            : Undefined.ofName("item " + index);
      }
      case String text when key instanceof Long -> item(items(text), key);
      case null, default -> Undefined.ofName(PythonText.of(key));
    };
  }

  /** {@code value[from:to:step]}; null means left out. */
  static Object slice(
      @Nullable Object value, @Nullable Object from, @Nullable Object to, @Nullable Object by) {
    List<@Nullable Object> items = items(value);
    long step = by == null ? 1 : whole(by);
    if (step == 0) {
      throw new TemplateException("a slice with step 0");
    }
    int size = items.size();
    long first = from == null ? (step > 0 ? 0 : size - 1) : bound(whole(from), size, step);
    long end = to == null ? (step > 0 ? size : -1) : bound(whole(to), size, step);
    List<@Nullable Object> part = new ArrayList<>();
    for (long i = first; step > 0 ? i < end : i > end; i += step) {
      part.add(items.get((int) i));
    }
    if (value instanceof String) {
      StringBuilder text = new StringBuilder();
      part.forEach(text::append);
      return text.toString();
    }
    return part;
  }

  private static long bound(long index, int size, long step) {
    long at = index < 0 ? index + size : index;
    return step > 0 ? Math.clamp(at, 0, size) : Math.clamp(at, -1, size - 1);
  }
}

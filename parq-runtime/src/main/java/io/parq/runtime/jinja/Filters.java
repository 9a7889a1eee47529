package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What stands behind a bar. */
final class Filters {
  private static final Map<String, BiFunction<@Nullable Object, Arguments, @Nullable Object>> ALL =
      Map.ofEntries(
          filter("trim", (v, a) -> Methods.strip(text(v), a.get(0, "chars", null), true, true)),
          filter("upper", (v, _) -> text(v).toUpperCase(Locale.ROOT)),
          filter("lower", (v, _) -> text(v).toLowerCase(Locale.ROOT)),
          filter("capitalize", (v, _) -> Methods.capitalize(text(v))),
          filter("title", (v, _) -> Methods.title(text(v))),
          filter("string", (v, _) -> text(v)),
          filter("safe", (v, _) -> v),
          filter("escape", (v, _) -> escape(text(v))),
          filter("e", (v, _) -> escape(text(v))),
          filter("length", (v, _) -> Values.length(v)),
          filter("count", (v, _) -> Values.length(v)),
          filter("tojson", (v, a) -> PythonText.json(v, a.number(0, "indent", -1))),
          filter("default", Filters::otherwise),
          filter("d", Filters::otherwise),
          filter("join", Filters::join),
          filter("replace", Filters::replace),
          filter("indent", Filters::indent),
          filter("first", (v, _) -> Values.item(Values.items(v), 0L)),
          filter("last", (v, _) -> Values.item(Values.items(v), -1L)),
          filter("list", (v, _) -> Values.items(v)),
          filter("reverse", (v, _) -> Values.slice(v, null, null, -1L)),
          filter("items", (v, _) -> v instanceof Map<?, ?> map ? Methods.entries(map) : List.of()),
          filter(
              "dictsort",
              (v, _) -> sorted(Methods.entries(Values.expect(Map.class, v, "value")), null)),
          filter("sort", Filters::sort),
          filter("unique", (v, _) -> unique(Values.items(v))),
          filter("sum", (v, _) -> sum(v)),
          filter("min", (v, _) -> Values.item(sorted(Values.items(v), null), 0L)),
          filter("max", (v, _) -> Values.item(sorted(Values.items(v), null), -1L)),
          filter("int", (v, a) -> whole(v, a.get(0, "default", 0L))),
          filter("float", (v, a) -> decimal(v, a.get(0, "default", 0.0))),
          filter("abs", (v, _) -> Values.compare(v, 0L) < 0 ? Values.arithmetic("-", 0L, v) : v),
          filter("round", Filters::round),
          filter("map", Filters::map),
          filter("select", (v, a) -> select(v, a, false, true)),
          filter("reject", (v, a) -> select(v, a, false, false)),
          filter("selectattr", (v, a) -> select(v, a, true, true)),
          filter("rejectattr", (v, a) -> select(v, a, true, false)));

  private Filters() {}

  private static Map.Entry<String, BiFunction<@Nullable Object, Arguments, @Nullable Object>>
      filter(String name, BiFunction<@Nullable Object, Arguments, @Nullable Object> function) {
    return Map.entry(name, function);
  }

  /** The filter of a name; null if there is none. */
  static @Nullable BiFunction<@Nullable Object, Arguments, @Nullable Object> named(String name) {
    return ALL.get(name);
  }

  private static String text(@Nullable Object value) {
    return PythonText.of(value);
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }

  private static @Nullable Object otherwise(@Nullable Object value, Arguments arguments) {
    boolean alsoFalse = Values.isTrue(arguments.get(1, "boolean", false));
    boolean missing = value instanceof Undefined || (alsoFalse && !Values.isTrue(value));
    return missing ? arguments.get(0, "default_value", "") : value;
  }

  private static String join(@Nullable Object value, Arguments arguments) {
    Object attribute = arguments.get(1, "attribute", null);
    Object items = attribute == null ? value : attributes(Values.items(value), attribute, null);
    return Methods.join(items, text(arguments.get(0, "d", "")));
  }

  private static String replace(@Nullable Object value, Arguments arguments) {
    return Methods.replace(
        text(value),
        arguments.text(0, "old"),
        arguments.text(1, "new"),
        arguments.number(2, "count", -1));
  }

  private static String indent(@Nullable Object value, Arguments arguments) {
    String blanks = " ".repeat(arguments.number(0, "width", 4));
    boolean first = Values.isTrue(arguments.get(1, "first", false));
    boolean empty = Values.isTrue(arguments.get(2, "blank", false));
    StringBuilder out = new StringBuilder();
    String[] lines = text(value).split("\n", -1);
    for (int i = 0; i < lines.length; i++) {
      boolean indented = i == 0 ? first : empty || !lines[i].isEmpty();
      out.append(i == 0 ? "" : "\n").append(indented ? blanks : "").append(lines[i]);
    }
    return out.toString();
  }

  private static Object sort(@Nullable Object value, Arguments arguments) {
    List<@Nullable Object> sorted =
        sorted(Values.items(value), arguments.get(2, "attribute", null));
    if (Values.isTrue(arguments.get(0, "reverse", false))) {
      Collections.reverse(sorted);
    }
    return sorted;
  }

  private static List<@Nullable Object> sorted(
      List<@Nullable Object> items, @Nullable Object attribute) {
    List<@Nullable Object> sorted = new ArrayList<>(items);
    Comparator<@Nullable Object> order = (a, b) -> Values.compare(folded(a), folded(b));
    sorted.sort(
        attribute == null
            ? order
            : (a, b) ->
                order.compare(attribute(a, text(attribute)), attribute(b, text(attribute))));
    return sorted;
  }

  /** Filters compare texts without case. */
  private static @Nullable Object folded(@Nullable Object value) {
    return value instanceof String text ? text.toLowerCase(Locale.ROOT) : value;
  }

  private static List<@Nullable Object> unique(List<@Nullable Object> items) {
    List<@Nullable Object> unique = new ArrayList<>();
    for (Object item : items) {
      if (unique.stream().noneMatch(other -> Values.equal(folded(other), folded(item)))) {
        unique.add(item);
      }
    }
    return unique;
  }

  private static Object sum(@Nullable Object value) {
    Object sum = 0L;
    for (Object item : Values.items(value)) {
      sum = Values.arithmetic("+", sum, item);
    }
    return sum;
  }

  private static @Nullable Object whole(@Nullable Object value, @Nullable Object otherwise) {
    try {
      return switch (value) {
        case Long number -> number;
        case Double number -> (Object) number.longValue();
        case Boolean flag -> flag ? 1L : 0L;
        case String text -> (long) Double.parseDouble(text.strip());
        case null, default -> otherwise;
      };
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static @Nullable Object decimal(@Nullable Object value, @Nullable Object otherwise) {
    try {
      return switch (value) {
        case Long number -> (Object) number.doubleValue();
        case Double number -> number;
        case String text -> Double.parseDouble(text.strip());
        case null, default -> otherwise;
      };
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static Object round(@Nullable Object value, Arguments arguments) {
    Object number = decimal(value, value);
    return java.math.BigDecimal.valueOf(Values.expect(Double.class, number, "value"))
        .setScale(arguments.number(0, "precision", 0), java.math.RoundingMode.HALF_EVEN)
        .doubleValue();
  }

  private static List<@Nullable Object> map(@Nullable Object value, Arguments arguments) {
    Object attribute = arguments.named().get("attribute");
    if (attribute != null) {
      return attributes(Values.items(value), attribute, arguments.named().get("default"));
    }
    String name = arguments.text(0, "filter");
    BiFunction<@Nullable Object, Arguments, @Nullable Object> filter = named(name);
    if (filter == null) {
      throw new TemplateException("no filter named '" + name + "'");
    }
    Arguments rest = tail(arguments, 1);
    List<@Nullable Object> mapped = new ArrayList<>();
    Values.items(value).forEach(item -> mapped.add(filter.apply(item, rest)));
    return mapped;
  }

  private static List<@Nullable Object> attributes(
      List<@Nullable Object> items, Object attribute, @Nullable Object otherwise) {
    List<@Nullable Object> values = new ArrayList<>();
    for (Object item : items) {
      Object value = attribute(item, text(attribute));
      values.add(value instanceof Undefined && otherwise != null ? otherwise : value);
    }
    return values;
  }

  /** An attribute of an attribute, and so on. */
  private static @Nullable Object attribute(@Nullable Object value, String path) {
    Object found = value;
    for (String name : path.split("\\.")) {
      found = Values.item(found, name.matches("\\d+") ? (Object) Long.valueOf(name) : name);
    }
    return found;
  }

  private static Arguments tail(Arguments arguments, int count) {
    List<@Nullable Object> all = arguments.positional();
    return new Arguments(all.subList(Math.min(count, all.size()), all.size()), arguments.named());
  }

  private static List<@Nullable Object> select(
      @Nullable Object value, Arguments arguments, boolean byAttribute, boolean wanted) {
    int first = byAttribute ? 1 : 0;
    String path = byAttribute ? arguments.text(0, "attribute") : "";
    Predicate<@Nullable Object> test = Values::isTrue;
    if (arguments.positional().size() > first) {
      String name = arguments.text(first, "test");
      Arguments rest = tail(arguments, first + 1);
      test = item -> Tests.test(name, item, rest);
    }
    List<@Nullable Object> selected = new ArrayList<>();
    for (Object item : Values.items(value)) {
      if (test.test(byAttribute ? attribute(item, path) : item) == wanted) {
        selected.add(item);
      }
    }
    return selected;
  }
}

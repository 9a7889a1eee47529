package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Methods of texts, lists and dictionaries that change nothing. */
final class Methods {
  private Methods() {}

  /** {@code value.name}: a method, else an item. */
  static @Nullable Object attribute(@Nullable Object value, String name) {
    Function method =
        switch (value) {
          case String text -> of(text, name);
          case Map<?, ?> map when !(value instanceof Namespace) -> of(map, name);
          case List<?> list -> of(list, name);
          case null, default -> null;
        };
    return method == null ? Values.item(value, name) : method;
  }

  private static @Nullable Function of(String text, String name) {
    return switch (name) {
      case "strip" -> arguments -> strip(text, arguments.get(0, "chars", null), true, true);
      case "lstrip" -> arguments -> strip(text, arguments.get(0, "chars", null), true, false);
      case "rstrip" -> arguments -> strip(text, arguments.get(0, "chars", null), false, true);
      case "startswith" -> arguments -> any(arguments).stream().anyMatch(text::startsWith);
      case "endswith" -> arguments -> any(arguments).stream().anyMatch(text::endsWith);
      case "split" -> arguments -> split(text, arguments, false);
      case "rsplit" -> arguments -> split(text, arguments, true);
      case "splitlines" -> _ -> new ArrayList<Object>(text.lines().toList());
      case "replace" ->
          arguments ->
              replace(
                  text,
                  arguments.text(0, "old"),
                  arguments.text(1, "new"),
                  arguments.number(2, "count", -1));
      case "join" -> arguments -> join(arguments.get(0, "iterable"), text);
      case "upper" -> _ -> text.toUpperCase(Locale.ROOT);
      case "lower" -> _ -> text.toLowerCase(Locale.ROOT);
      case "title" -> _ -> title(text);
      case "capitalize" -> _ -> capitalize(text);
      case "find" -> arguments -> find(text, text.indexOf(arguments.text(0, "sub")));
      case "rfind" -> arguments -> find(text, text.lastIndexOf(arguments.text(0, "sub")));
      case "count" -> arguments -> count(text, arguments.text(0, "sub"));
      case "isdigit" -> _ -> !text.isEmpty() && text.codePoints().allMatch(Character::isDigit);
      case "removeprefix" ->
          arguments -> {
            String prefix = arguments.text(0, "prefix");
            return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
          };
      case "removesuffix" ->
          arguments -> {
            String suffix = arguments.text(0, "suffix");
            return text.endsWith(suffix)
                ? text.substring(0, text.length() - suffix.length())
                : text;
          };
      default -> null;
    };
  }

  private static @Nullable Function of(Map<?, ?> map, String name) {
    return switch (name) {
      case "items" -> _ -> entries(map);
      case "keys" -> _ -> new ArrayList<Object>(map.keySet());
      case "values" -> _ -> new ArrayList<Object>(map.values());
      case "get" ->
          arguments -> {
            Object key = arguments.get(0, "key");
            return map.containsKey(key)
                ? Values.of(map.get(key))
                : arguments.get(1, "default", null);
          };
      default -> null;
    };
  }

  private static @Nullable Function of(List<?> list, String name) {
    return switch (name) {
      case "count" ->
          arguments ->
              list.stream().filter(item -> Values.equal(item, arguments.get(0, "value"))).count();
      case "index" ->
          arguments -> {
            for (int i = 0; i < list.size(); i++) {
              if (Values.equal(list.get(i), arguments.get(0, "value"))) {
                return (long) i;
              }
            }
            throw new TemplateException(
                PythonText.repr(arguments.get(0, "value")) + " is not in the list");
          };
      default -> null;
    };
  }

  static List<Object> entries(Map<?, ?> map) {
    List<Object> entries = new ArrayList<>();
    map.forEach(
        (key, value) -> {
          List<@Nullable Object> pair = new ArrayList<>();
          pair.add(key);
          pair.add(Values.of(value));
          entries.add(pair);
        });
    return entries;
  }

  private static List<String> any(Arguments arguments) {
    Object value = arguments.get(0, "prefix");
    List<?> all =
        value instanceof List<?> list ? list : List.of(Values.expect(String.class, value, "text"));
    return all.stream().map(item -> Values.expect(String.class, item, "text")).toList();
  }

  /** What Python takes for blank. */
  private static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  static String strip(String text, @Nullable Object chars, boolean left, boolean right) {
    String set = chars == null ? null : Values.expect(String.class, chars, "chars");
    java.util.function.IntPredicate goes =
        c -> set == null ? isSpace(c) : set.codePoints().anyMatch(other -> other == c);
    int from = 0;
    int to = text.length();
    while (left && from < to && goes.test(text.codePointAt(from))) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (right && to > from && goes.test(text.codePointBefore(to))) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
  }

  private static List<Object> split(String text, Arguments arguments, boolean fromRight) {
    Object separator = arguments.get(0, "sep", null);
    int most = arguments.number(1, "maxsplit", -1);
    List<Object> parts = new ArrayList<>();
    if (separator == null) {
      String rest = strip(text, null, true, true);
      while (!rest.isEmpty()) {
        int end = 0;
        while (end < rest.length() && !isSpace(rest.charAt(end))) {
          end++;
        }
        end = most >= 0 && parts.size() == most ? rest.length() : end;
        parts.add(rest.substring(0, end));
        rest = strip(rest.substring(end), null, true, false);
      }
      return parts;
    }
    String mark = Values.expect(String.class, separator, "sep");
    if (mark.isEmpty()) {
      throw new TemplateException("split by an empty text");
    }
    String rest = text;
    for (int at = find(rest, mark, fromRight);
        at >= 0 && (most < 0 || parts.size() < most);
        at = find(rest, mark, fromRight)) {
      int after = at + mark.length();
      parts.add(
          fromRight ? 0 : parts.size(), fromRight ? rest.substring(after) : rest.substring(0, at));
      rest = fromRight ? rest.substring(0, at) : rest.substring(after);
    }
    parts.add(fromRight ? 0 : parts.size(), rest);
    return parts;
  }

  private static int find(String text, String mark, boolean fromRight) {
    return fromRight ? text.lastIndexOf(mark) : text.indexOf(mark);
  }

  private static long find(String text, int at) {
    return at < 0 ? -1 : text.codePointCount(0, at);
  }

  private static long count(String text, String part) {
    long count = 0;
    for (int at = text.indexOf(part); at >= 0 && !part.isEmpty(); count++) {
      at = text.indexOf(part, at + part.length());
    }
    return part.isEmpty() ? Values.length(text) + 1 : count;
  }

  static String replace(String text, String old, String by, int most) {
    if (most < 0 || old.isEmpty()) {
      return text.replace(old, by);
    }
    StringBuilder out = new StringBuilder();
    int from = 0;
    int done = 0;
    for (int at = text.indexOf(old); at >= 0 && done < most; at = text.indexOf(old, from)) {
      out.append(text, from, at).append(by);
      from = at + old.length();
      done++;
    }
    return out.append(text.substring(from)).toString();
  }

  static String join(@Nullable Object items, String separator) {
    return String.join(separator, Values.items(items).stream().map(PythonText::of).toList());
  }

  static String capitalize(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT)
            + text.substring(1).toLowerCase(Locale.ROOT);
  }

  static String title(String text) {
    StringBuilder out = new StringBuilder();
    boolean inWord = false;
    for (int i = 0; i < text.length(); i++) {
      String c = text.substring(i, i + 1);
      out.append(inWord ? c.toLowerCase(Locale.ROOT) : c.toUpperCase(Locale.ROOT));
      inWord = Character.isLetter(text.charAt(i));
    }
    return out.toString();
  }
}

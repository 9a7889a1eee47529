package io.parq.runtime.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A template in the part of Jinja that chat templates use, with the settings of Hugging Face's
 * transformers: {@code trim_blocks}, {@code lstrip_blocks}, {@code break} and {@code continue},
 * {@code tojson} that leaves other alphabets alone, {@code raise_exception} and {@code
 * strftime_now}. Not there are inheritance, imports, calls of macros with a body, recursive loops,
 * and what changes a list or dictionary. Immutable and thread-safe.
 */
public final class Template {
  private static final int LONGEST_RANGE = 100_000;

  private static final Map<Character, String> DATE_FIELDS =
      Map.ofEntries(
          Map.entry('a', "EEE"),
          Map.entry('A', "EEEE"),
          Map.entry('b', "MMM"),
          Map.entry('B', "MMMM"),
          Map.entry('d', "dd"),
          Map.entry('H', "HH"),
          Map.entry('I', "hh"),
          Map.entry('j', "DDD"),
          Map.entry('m', "MM"),
          Map.entry('M', "mm"),
          Map.entry('p', "a"),
          Map.entry('S', "ss"),
          Map.entry('y', "yy"),
          Map.entry('Y', "uuuu"));

  private final Statement statement;

  private Template(Statement statement) {
    this.statement = statement;
  }

  /**
   * Reads a template.
   *
   * @param source its text
   * @return the template
   * @throws TemplateException if it is wrong, or uses what is not there; with the line
   */
  public static Template parse(String source) {
    return new Template(new StatementParser(new Tokens(Lexer.tokens(source))).template());
  }

  /**
   * Fills it in.
   *
   * @param variables values by name: null, strings, booleans, numbers, lists and maps of such; not
   *     modified
   * @return the text
   * @throws TemplateException if the template calls {@code raise_exception}, with its message, or a
   *     value is not what the template expects
   */
  public String render(Map<String, ? extends @Nullable Object> variables) {
    Scope scope = new Scope(null);
    globals().forEach(scope::set);
    variables.forEach((name, value) -> scope.set(name, Values.of(value)));
    StringBuilder out = new StringBuilder();
    try {
      statement.run(scope, out);
    } catch (StackOverflowError e) {
      throw new TemplateException("the template calls itself without an end");
    }
    return out.toString();
  }

  private static Map<String, Function> globals() {
    return Map.of(
        "range",
        Template::range,
        "namespace",
        arguments -> {
          Namespace namespace = new Namespace();
          namespace.putAll(arguments.named());
          return namespace;
        },
        "dict",
        arguments -> arguments.named(),
        "raise_exception",
        arguments -> {
          throw new TemplateException(arguments.text(0, "message"));
        },
        "strftime_now",
        arguments -> now(arguments.text(0, "format")));
  }

  private static Object range(Arguments arguments) {
    boolean one = arguments.positional().size() == 1;
    long from = one ? 0 : arguments.number(0, "start", 0);
    long to = arguments.number(one ? 0 : 1, "stop", 0);
    long step = arguments.number(2, "step", 1);
    if (step == 0 || Math.abs((to - from) / step) > LONGEST_RANGE) {
      throw new TemplateException(
          "a range from %d to %d by %d, expected at most %d numbers"
              .formatted(from, to, step, LONGEST_RANGE));
    }
    List<Object> numbers = new ArrayList<>();
    for (long i = from; step > 0 ? i < to : i > to; i += step) {
      numbers.add(i);
    }
    return numbers;
  }

  /** The time as C's {@code strftime} writes it, in English. */
  private static String now(String format) {
    LocalDateTime now = LocalDateTime.now(java.time.ZoneId.systemDefault());
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char field = format.charAt(++i);
      String pattern = DATE_FIELDS.get(field);
      if (pattern != null) {
        out.append(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(now));
      } else if (field == '%') {
        out.append('%');
      } else {
        throw new TemplateException("strftime_now: %" + field + " is not known here");
      }
    }
    return out.toString();
  }
}

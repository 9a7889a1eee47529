package io.parq.runtime.jinja;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How Python prints values, and writes them as JSON. */
final class PythonText {
  private PythonText() {}

  /** As {@code str} does. */
  static String of(@Nullable Object value) {
    return value instanceof String text ? text : value instanceof Undefined ? "" : repr(value);
  }

  /** As {@code repr} does. */
  static String repr(@Nullable Object value) {
    StringBuilder out = new StringBuilder();
    repr(value, out);
    return out.toString();
  }

  private static void repr(@Nullable Object value, StringBuilder out) {
    switch (value) {
      case null -> out.append("None");
      case Undefined _ -> out.append("Undefined");
      case Boolean flag -> out.append(flag ? "True" : "False");
      case Double number -> out.append(number(number));
      case String text -> quote(text, out);
      case Collection<?> items -> {
        out.append('[');
        String separator = "";
        for (Object item : items) {
          out.append(separator);
          repr(Values.of(item), out);
          separator = ", ";
        }
        out.append(']');
      }
      case Map<?, ?> map -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(separator);
          repr(entry.getKey(), out);
          out.append(": ");
          repr(Values.of(entry.getValue()), out);
          separator = ", ";
        }
        out.append('}');
      }
      case Function _ -> out.append("<function>");
      default -> out.append(value);
    }
  }

  private static String number(double number) {
    double size = Math.abs(number);
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      return Double.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
    }
    if (size == 0 || (size >= 1e-4 && size < 1e16)) {
      String plain = new java.math.BigDecimal(Double.toString(number)).toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String text = Double.toString(number).replace(".0E", "E");
    int e = text.indexOf('E');
    String exponent = text.substring(e + 1);
    String sign = exponent.startsWith("-") ? "-" : "+";
    String digits = exponent.replace("-", "");
    return text.substring(0, e) + "e" + sign + (digits.length() < 2 ? "0" : "") + digits;
  }

  private static void quote(String text, StringBuilder out) {
    char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
    out.append(quote);
    text.chars()
        .forEach(
            c -> {
              switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                  if (c == quote) {
                    out.append('\\').append((char) c);
                  } else if (c < ' ' || c == 0x7f) {
                    out.append("\\x%02x".formatted(c));
                  } else {
                    out.append((char) c);
                  }
                }
              }
            });
    out.append(quote);
  }

  /**
   * As {@code json.dumps} does without escaping other alphabets.
   *
   * @param indent blanks a level, or -1 for one line
   */
  static String json(@Nullable Object value, int indent) {
    StringBuilder out = new StringBuilder();
    json(value, indent, 0, out);
    return out.toString();
  }

  private static void json(@Nullable Object value, int indent, int depth, StringBuilder out) {
    switch (value) {
      case null -> out.append("null");
      case Undefined undefined -> throw undefined.problem();
      case Boolean flag -> out.append(flag);
      case Long number -> out.append(number);
      case Double number -> out.append(number(number));
      case String text -> jsonString(text, out);
      case Collection<?> items -> {
        Iterator<?> all = items.iterator();
        nested(
            items.size(),
            '[',
            ']',
            indent,
            depth,
            out,
            () -> json(Values.of(all.next()), indent, depth + 1, out));
      }
      case Map<?, ?> map -> {
        Iterator<? extends Map.Entry<?, ?>> all = map.entrySet().iterator();
        nested(
            map.size(),
            '{',
            '}',
            indent,
            depth,
            out,
            () -> {
              Map.Entry<?, ?> entry = all.next();
              jsonString(of(entry.getKey()), out);
              out.append(": ");
              json(Values.of(entry.getValue()), indent, depth + 1, out);
            });
      }
      default -> throw new TemplateException(repr(value) + " cannot be written as JSON");
    }
  }

  private static void nested(
      int size, char open, char close, int indent, int depth, StringBuilder out, Runnable item) {
    out.append(open);
    for (int i = 0; i < size; i++) {
      out.append(i == 0 ? "" : indent < 0 ? ", " : ",");
      newLine(indent, depth + 1, out);
      item.run();
    }
    if (size > 0) {
      newLine(indent, depth, out);
    }
    out.append(close);
  }

  private static void newLine(int indent, int depth, StringBuilder out) {
    if (indent >= 0) {
      out.append('\n').repeat(' ', indent * depth);
    }
  }

  private static void jsonString(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}

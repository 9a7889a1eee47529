package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with {@code trim_blocks} and {@code lstrip_blocks} as chat templates
 * expect: the line break after a statement goes, and so do blanks before one that begins a line.
 */
final class Lexer {
  private static final Pattern OPEN = Pattern.compile("\\{([{%#])([-+]?)");
  private static final Pattern RAW_END =
      Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}", Pattern.DOTALL);
  private static final Pattern INSIDE =
      Pattern.compile(
          """
          (?<blank>\\s+)|(?<close>[-+]?(?:%\\}|\\}\\}))|(?<name>[\\p{L}_][\\p{L}\\p{N}_]*)\
          |(?<number>\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\
          |(?<string>"(?:[^"\\\\]|\\\\.)*+"|'(?:[^'\\\\]|\\\\.)*+')\
          |(?<symbol>\\*\\*|//|==|!=|<=|>=|[-+*/%~<>=.,:|()\\[\\]{}])""",
          Pattern.DOTALL);

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;

  /** The line that {@link #counted} is on. */
  private int line = 1;

  private int counted;

  /** Whether blanks before the next token go, because the last tag ended with a minus. */
  private boolean strip;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    // One line break at the end does not count.
    Lexer lexer =
        new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    Matcher open = OPEN.matcher(source);
    while (open.find(at)) {
      char kind = open.group(1).charAt(0);
      text(source.substring(at, open.start()), open.group(2), kind != '{', open.start());
      at = open.end();
      switch (kind) {
        case '#' -> comment();
        case '%' -> statement();
        default -> {
          add(Token.Kind.PRINT, "{{");
          inside("}}");
        }
      }
    }
    String rest = source.substring(at);
    at = source.length();
    if (strip) {
      rest = rest.stripLeading();
    }
    if (!rest.isEmpty()) {
      add(Token.Kind.TEXT, rest);
    }
    add(Token.Kind.EOF, "");
  }

  /** Plain text before a tag. */
  private void text(String raw, String sign, boolean block, int end) {
    String text = strip ? raw.stripLeading() : raw;
    if (sign.equals("-")) {
      text = text.stripTrailing();
    } else if (block && sign.isEmpty()) {
      int line = text.lastIndexOf('\n') + 1;
      boolean beginsLine = line > 0 || source.lastIndexOf('\n', end - 1) >= end - text.length() - 1;
      if (text.substring(line).isBlank() && beginsLine) {
        text = text.substring(0, line);
      }
    }
    if (!text.isEmpty()) {
      add(Token.Kind.TEXT, text);
    }
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw problem("a comment that does not end");
    }
    boolean minus = source.charAt(end - 1) == '-' && end > at;
    at = end + 2;
    strip = minus;
    trim(minus ? "-" : "");
  }

  private void statement() {
    int first = tokens.size();
    add(Token.Kind.STATEMENT, "{%");
    inside("%}");
    if (tokens.size() == first + 3 && tokens.get(first + 1).is(Token.Kind.NAME, "raw")) {
      tokens.subList(first, tokens.size()).clear();
      Matcher end = RAW_END.matcher(source);
      if (!end.find(at)) {
        throw problem("raw without endraw");
      }
      text(source.substring(at, end.start()), end.group(1), true, end.start());
      at = end.end();
      strip = end.group(2).equals("-");
      trim(end.group(2));
    }
  }

  /** What is inside of a tag, and the tag's end. */
  private void inside(String close) {
    Matcher matcher = INSIDE.matcher(source);
    int depth = 0;
    while (true) {
      if (!matcher.find(at) || matcher.start() != at) {
        throw problem(at < source.length() ? "'" + source.charAt(at) + "'" : "the end in a tag");
      }
      String text = matcher.group();
      // Two braces may also close two dictionaries.
      if (matcher.group("close") != null && text.endsWith(close) && (depth == 0)) {
        add(Token.Kind.END, close);
        at = matcher.end();
        String sign = text.length() > 2 ? text.substring(0, 1) : "";
        strip = sign.equals("-");
        if (close.equals("%}")) {
          trim(sign);
        }
        return;
      }
      if (matcher.group("close") != null) {
        text = text.substring(0, 1);
      }
      depth += text.equals("{") ? 1 : text.equals("}") ? -1 : 0;
      if (matcher.group("name") != null) {
        add(Token.Kind.NAME, text);
      } else if (matcher.group("number") != null) {
        add(Token.Kind.NUMBER, text.replace("_", ""));
      } else if (matcher.group("string") != null) {
        add(Token.Kind.STRING, unescaped(text.substring(1, text.length() - 1)));
      } else if (matcher.group("blank") == null) {
        add(Token.Kind.SYMBOL, text);
      }
      at += text.length();
    }
  }

  /** Drops the line break after a statement or comment. */
  private void trim(String sign) {
    if (sign.isEmpty() && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
  }

  private static String unescaped(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char next = text.charAt(++i);
      int digits = next == 'x' ? 2 : next == 'u' ? 4 : next == 'U' ? 8 : 0;
      if (digits > 0 && i + digits < text.length()) {
        String hex = text.substring(i + 1, i + 1 + digits);
        if (hex.matches("\\p{XDigit}+")) {
          out.appendCodePoint(Integer.parseInt(hex, 16));
          i += digits;
          continue;
        }
      }
      switch (next) {
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case '0' -> out.append('\0');
        case '\\', '\'', '"' -> out.append(next);
        case '\n' -> {}
        default -> out.append('\\').append(next);
      }
    }
    return out.toString();
  }

  private void add(Token.Kind kind, String text) {
    tokens.add(new Token(kind, text, line()));
  }

  private int line() {
    for (; counted < at; counted++) {
      line += source.charAt(counted) == '\n' ? 1 : 0;
    }
    return line;
  }

  private TemplateException problem(String found) {
    return new TemplateException("line %d: %s, expected a template".formatted(line(), found));
  }
}

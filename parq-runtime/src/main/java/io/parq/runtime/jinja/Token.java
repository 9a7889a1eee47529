package io.parq.runtime.jinja;

/**
 * A piece of a template.
 *
 * @param kind what it is
 * @param text as written; of strings and plain text, their content
 * @param line where it is, from 1
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    /** Plain text. */
    TEXT,
    /** The beginning of an expression that is printed. */
    PRINT,
    /** The beginning of a statement. */
    STATEMENT,
    /** The end of either. */
    END,
    NAME,
    STRING,
    NUMBER,
    SYMBOL,
    /** The end of the template. */
    EOF
  }

  boolean is(Kind other, String content) {
    return kind == other && text.equals(content);
  }

  @Override
  public String toString() {
    return kind == Kind.EOF ? "the end" : kind == Kind.END ? "a closing tag" : "'" + text + "'";
  }
}

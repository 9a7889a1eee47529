package io.parq.runtime.jinja;

import java.util.List;

/** Tokens that are read one after the other. */
final class Tokens {
  private final List<Token> tokens;
  private int at;

  Tokens(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token peek() {
    return tokens.get(at);
  }

  Token after() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = tokens.get(at);
    at = Math.min(at + 1, tokens.size() - 1);
    return token;
  }

  boolean isSymbol(String text) {
    return peek().is(Token.Kind.SYMBOL, text);
  }

  boolean isName(String text) {
    return peek().is(Token.Kind.NAME, text);
  }

  boolean skipSymbol(String text) {
    boolean found = isSymbol(text);
    if (found) {
      next();
    }
    return found;
  }

  boolean skipName(String text) {
    boolean found = isName(text);
    if (found) {
      next();
    }
    return found;
  }

  void expectSymbol(String text) {
    if (!skipSymbol(text)) {
      throw unexpected("'" + text + "'");
    }
  }

  void expectName(String text) {
    if (!skipName(text)) {
      throw unexpected("'" + text + "'");
    }
  }

  String name() {
    if (peek().kind() != Token.Kind.NAME) {
      throw unexpected("a name");
    }
    return next().text();
  }

  void end() {
    if (peek().kind() != Token.Kind.END) {
      throw unexpected("a closing tag");
    }
    next();
  }

  TemplateException unexpected(String expected) {
    return new TemplateException(
        "line %d: %s, expected %s".formatted(peek().line(), peek(), expected));
  }
}

package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Reads expressions; a method for each precedence, the weakest first. */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final Tokens tokens;

  /** Arguments before they have values. */
  private interface Call {
    Arguments in(Scope scope);
  }

  ExpressionParser(Tokens tokens) {
    this.tokens = tokens;
  }

  /** {@code a if b else c}. */
  Expression expression() {
    Expression value = or();
    while (tokens.skipName("if")) {
      Expression then = value;
      Expression condition = or();
      Expression otherwise =
          tokens.skipName("else") ? expression() : _ -> Undefined.ofName("the other case");
      value =
          scope ->
              Values.isTrue(condition.value(scope)) ? then.value(scope) : otherwise.value(scope);
    }
    return value;
  }

  /** One expression, or several with commas between them, which make a list. */
  Expression tuple() {
    Expression first = expression();
    if (!tokens.isSymbol(",")) {
      return first;
    }
    List<Expression> all = new ArrayList<>(List.of(first));
    while (tokens.skipSymbol(",")) {
      if (tokens.peek().kind() == Token.Kind.END || tokens.isSymbol(")")) {
        break;
      }
      all.add(expression());
    }
    return Literals.list(all);
  }

  /** What a loop goes through: without a condition, which would be the loop's. */
  Expression or() {
    Expression value = and();
    while (tokens.skipName("or")) {
      Expression left = value;
      Expression right = and();
      value =
          scope -> {
            Object first = left.value(scope);
            return Values.isTrue(first) ? first : right.value(scope);
          };
    }
    return value;
  }

  private Expression and() {
    Expression value = not();
    while (tokens.skipName("and")) {
      Expression left = value;
      Expression right = not();
      value =
          scope -> {
            Object first = left.value(scope);
            return Values.isTrue(first) ? right.value(scope) : first;
          };
    }
    return value;
  }

  private Expression not() {
    if (tokens.skipName("not")) {
      Expression value = not();
      return scope -> !Values.isTrue(value.value(scope));
    }
    return comparison();
  }

  /** Comparisons in a row all have to hold. */
  private Expression comparison() {
    Expression value = sum();
    @Nullable Expression all = null;
    while (true) {
      Expression left = value;
      Expression holds;
      boolean notIn = tokens.isName("not") && tokens.after().is(Token.Kind.NAME, "in");
      if (notIn || tokens.isName("in")) {
        tokens.next();
        if (notIn) {
          tokens.next();
        }
        Expression right = sum();
        value = right;
        holds = scope -> Values.contains(right.value(scope), left.value(scope)) != notIn;
      } else if (tokens.peek().kind() == Token.Kind.SYMBOL
          && COMPARISONS.contains(tokens.peek().text())) {
        String operator = tokens.next().text();
        Expression right = sum();
        value = right;
        holds = scope -> Values.holds(operator, left.value(scope), right.value(scope));
      } else {
        return all == null ? value : all;
      }
      Expression before = all;
      all =
          before == null
              ? holds
              : scope -> Values.isTrue(before.value(scope)) ? holds.value(scope) : false;
    }
  }

  private Expression sum() {
    Expression value = concatenation();
    while (tokens.isSymbol("+") || tokens.isSymbol("-")) {
      value = arithmetic(tokens.next().text(), value, concatenation());
    }
    return value;
  }

  private Expression concatenation() {
    Expression value = product();
    while (tokens.skipSymbol("~")) {
      Expression left = value;
      Expression right = product();
      value = scope -> PythonText.of(left.value(scope)) + PythonText.of(right.value(scope));
    }
    return value;
  }

  private Expression product() {
    Expression value = power();
    while (tokens.isSymbol("*")
        || tokens.isSymbol("/")
        || tokens.isSymbol("//")
        || tokens.isSymbol("%")) {
      value = arithmetic(tokens.next().text(), value, power());
    }
    return value;
  }

  private Expression power() {
    Expression value = unary(true);
    while (tokens.skipSymbol("**")) {
      value = arithmetic("**", value, unary(true));
    }
    return value;
  }

  private static Expression arithmetic(String operator, Expression a, Expression b) {
    return scope -> Values.arithmetic(operator, a.value(scope), b.value(scope));
  }

  private Expression unary(boolean filters) {
    Expression value;
    if (tokens.isSymbol("-") || tokens.isSymbol("+")) {
      String operator = tokens.next().text();
      value = arithmetic(operator, _ -> 0L, unary(false));
    } else {
      value = postfix(primary());
    }
    return filters ? filtered(value) : value;
  }

  private Expression primary() {
    Token token = tokens.peek();
    switch (token.kind()) {
      case NAME -> {
        tokens.next();
        return Literals.name(token.text());
      }
      case STRING -> {
        StringBuilder text = new StringBuilder();
        while (tokens.peek().kind() == Token.Kind.STRING) {
          text.append(tokens.next().text());
        }
        String whole = text.toString();
        return _ -> whole;
      }
      case NUMBER -> {
        String text = tokens.next().text();
        Object number =
            text.matches("\\d+") ? (Object) Long.valueOf(text) : (Object) Double.valueOf(text);
        return _ -> number;
      }
      default -> {}
    }
    if (tokens.skipSymbol("(")) {
      Expression value = tokens.isSymbol(")") ? Literals.list(List.of()) : tuple();
      tokens.expectSymbol(")");
      return value;
    }
    if (tokens.skipSymbol("[")) {
      List<Expression> items = new ArrayList<>();
      while (!tokens.isSymbol("]")) {
        items.add(expression());
        if (!tokens.skipSymbol(",")) {
          break;
        }
      }
      tokens.expectSymbol("]");
      return Literals.list(items);
    }
    if (tokens.skipSymbol("{")) {
      return dictionary();
    }
    throw tokens.unexpected("an expression");
  }

  private Expression dictionary() {
    Map<Expression, Expression> entries = new LinkedHashMap<>();
    while (!tokens.isSymbol("}")) {
      Expression key = expression();
      tokens.expectSymbol(":");
      entries.put(key, expression());
      if (!tokens.skipSymbol(",")) {
        break;
      }
    }
    tokens.expectSymbol("}");
    return Literals.dictionary(entries);
  }

  private Expression postfix(Expression primary) {
    Expression value = primary;
    while (true) {
      Expression owner = value;
      if (tokens.skipSymbol(".")) {
        Token token = tokens.next();
        if (token.kind() == Token.Kind.NUMBER) {
          Long index = Long.valueOf(token.text());
          value = scope -> Values.item(owner.value(scope), index);
        } else {
          String name = token.text();
          value = scope -> Methods.attribute(owner.value(scope), name);
        }
      } else if (tokens.skipSymbol("[")) {
        value = subscript(owner);
      } else if (tokens.isSymbol("(")) {
        value = call(owner);
      } else {
        return value;
      }
    }
  }

  private Expression subscript(Expression owner) {
    List<@Nullable Expression> bounds = new ArrayList<>();
    bounds.add(tokens.isSymbol(":") ? null : expression());
    while (tokens.skipSymbol(":")) {
      bounds.add(tokens.isSymbol(":") || tokens.isSymbol("]") ? null : expression());
    }
    tokens.expectSymbol("]");
    Expression first = bounds.getFirst();
    if (bounds.size() == 1 && first != null) {
      return scope -> {
        Object value = owner.value(scope);
        Object key = first.value(scope);
        Object item = Values.item(value, key);
        return item instanceof Undefined && key instanceof String name
            ? Methods.attribute(value, name)
            : item;
      };
    }
    return scope ->
        Values.slice(
            owner.value(scope),
            bound(bounds, 0, scope),
            bound(bounds, 1, scope),
            bound(bounds, 2, scope));
  }

  private static @Nullable Object bound(List<@Nullable Expression> bounds, int index, Scope scope) {
    Expression bound = index < bounds.size() ? bounds.get(index) : null;
    return bound == null ? null : bound.value(scope);
  }

  private Expression call(Expression callee) {
    Call arguments = arguments();
    int line = tokens.peek().line();
    return scope -> {
      Object function = callee.value(scope);
      if (function instanceof Undefined undefined) {
        throw undefined.problem();
      }
      if (!(function instanceof Function known)) {
        throw new TemplateException(
            "line %d: %s cannot be called".formatted(line, PythonText.repr(function)));
      }
      return known.call(arguments.in(scope));
    };
  }

  /** Arguments in parentheses. */
  private Call arguments() {
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    tokens.expectSymbol("(");
    while (!tokens.isSymbol(")")) {
      if (tokens.peek().kind() == Token.Kind.NAME && tokens.after().is(Token.Kind.SYMBOL, "=")) {
        String name = tokens.name();
        tokens.next();
        named.put(name, expression());
      } else {
        positional.add(expression());
      }
      if (!tokens.skipSymbol(",")) {
        break;
      }
    }
    tokens.expectSymbol(")");
    return scope -> {
      List<@Nullable Object> values = new ArrayList<>();
      positional.forEach(argument -> values.add(argument.value(scope)));
      Map<String, @Nullable Object> byName = new LinkedHashMap<>();
      named.forEach((name, argument) -> byName.put(name, argument.value(scope)));
      return new Arguments(values, byName);
    };
  }

  /** Filters and tests. */
  private Expression filtered(Expression unfiltered) {
    Expression value = unfiltered;
    while (true) {
      if (tokens.skipSymbol("|")) {
        value = filter(value);
      } else if (tokens.skipName("is")) {
        value = test(value);
      } else if (tokens.isSymbol("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  Expression filter(Expression value) {
    int line = tokens.peek().line();
    String name = tokens.name();
    BiFunction<@Nullable Object, Arguments, @Nullable Object> filter = Filters.named(name);
    if (filter == null) {
      throw new TemplateException("line %d: no filter named '%s'".formatted(line, name));
    }
    Call arguments = tokens.isSymbol("(") ? arguments() : _ -> Arguments.NONE;
    return scope -> filter.apply(value.value(scope), arguments.in(scope));
  }

  private Expression test(Expression value) {
    boolean wanted = !tokens.skipName("not");
    int line = tokens.peek().line();
    String name = tokens.name();
    if (!Tests.exists(name)) {
      throw new TemplateException("line %d: no test named '%s'".formatted(line, name));
    }
    Call arguments = _ -> Arguments.NONE;
    if (tokens.isSymbol("(")) {
      arguments = arguments();
    } else if (beginsArgument()) {
      Expression only = postfix(primary());
      arguments =
          scope -> new Arguments(java.util.Collections.singletonList(only.value(scope)), Map.of());
    }
    Call given = arguments;
    return scope -> Tests.test(name, value.value(scope), given.in(scope)) == wanted;
  }

  /** Whether a test's only argument follows without parentheses. */
  private boolean beginsArgument() {
    Token token = tokens.peek();
    return switch (token.kind()) {
      case STRING, NUMBER -> true;
      case NAME -> !Set.of("else", "or", "and", "if", "is", "in", "not").contains(token.text());
      case SYMBOL -> token.text().equals("[") || token.text().equals("{");
      default -> false;
    };
  }
}

package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads statements: text, printed expressions, and what stands between percent signs. */
final class StatementParser {
  private final Tokens tokens;
  private final ExpressionParser expressions;

  StatementParser(Tokens tokens) {
    this.tokens = tokens;
    expressions = new ExpressionParser(tokens);
  }

  Statement template() {
    Statement all = until();
    if (tokens.peek().kind() != Token.Kind.EOF) {
      throw tokens.unexpected("the end of the template");
    }
    return all;
  }

  /** Statements up to one that begins with one of the names, whose name is the next token. */
  private Statement until(String... ends) {
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = tokens.peek();
      switch (token.kind()) {
        case TEXT -> {
          String text = tokens.next().text();
          statements.add(
              (_, out) -> {
                out.append(text);
                return Statement.Flow.NEXT;
              });
        }
        case PRINT -> {
          tokens.next();
          Expression value = expressions.tuple();
          tokens.end();
          statements.add(
              (scope, out) -> {
                out.append(PythonText.of(value.value(scope)));
                return Statement.Flow.NEXT;
              });
        }
        case STATEMENT -> {
          tokens.next();
          if (Arrays.asList(ends).contains(tokens.peek().text())) {
            return Statement.all(statements);
          }
          statements.add(statement());
        }
        default -> {
          if (ends.length > 0) {
            throw tokens.unexpected("'" + String.join("' or '", ends) + "'");
          }
          return Statement.all(statements);
        }
      }
    }
  }

  private Statement statement() {
    int line = tokens.peek().line();
    String name = tokens.name();
    return switch (name) {
      case "if" -> condition();
      case "for" -> loop();
      case "set" -> assignment();
      case "macro" -> macro();
      case "break", "continue" -> {
        tokens.end();
        Statement.Flow flow = name.equals("break") ? Statement.Flow.BREAK : Statement.Flow.CONTINUE;
        yield (_, _) -> flow;
      }
      case "generation" -> { // marks what an assistant says, for training
        tokens.end();
        yield block("endgeneration");
      }
      case "filter" -> {
        Body body = new Body();
        Expression value = expressions.filter(body);
        while (tokens.skipSymbol("|")) {
          value = expressions.filter(value);
        }
        tokens.end();
        body.statement = block("endfilter");
        Expression filtered = value;
        yield (scope, out) -> {
          out.append(PythonText.of(filtered.value(scope)));
          return Statement.Flow.NEXT;
        };
      }
      default ->
          throw new TemplateException(
              "line %d: statement '%s' is not known here".formatted(line, name));
    };
  }

  /** What statements write, as a value; they are read after it is used. */
  private static final class Body implements Expression {
    private Statement statement = (_, _) -> Statement.Flow.NEXT;

    @Override
    public Object value(Scope scope) {
      StringBuilder text = new StringBuilder();
      statement.run(scope, text);
      return text.toString();
    }
  }

  private Statement block(String end) {
    Statement body = until(end);
    tokens.expectName(end);
    tokens.end();
    return body;
  }

  private Statement condition() {
    Expression condition = expressions.tuple();
    tokens.end();
    Statement then = until("elif", "else", "endif");
    Statement otherwise;
    if (tokens.skipName("elif")) {
      otherwise = condition();
    } else if (tokens.skipName("else")) {
      tokens.end();
      otherwise = block("endif");
    } else {
      tokens.expectName("endif");
      tokens.end();
      otherwise = (_, _) -> Statement.Flow.NEXT;
    }
    return (scope, out) ->
        Values.isTrue(condition.value(scope)) ? then.run(scope, out) : otherwise.run(scope, out);
  }

  private Statement loop() {
    List<String> names = names();
    tokens.expectName("in");
    Expression items = expressions.or();
    Expression condition = tokens.skipName("if") ? expressions.expression() : _ -> true;
    if (tokens.isName("recursive")) {
      throw tokens.unexpected("a loop that is not recursive");
    }
    tokens.end();
    Statement body = until("else", "endfor");
    Statement otherwise = (_, _) -> Statement.Flow.NEXT;
    if (tokens.skipName("else")) {
      tokens.end();
      otherwise = until("endfor");
    }
    tokens.expectName("endfor");
    tokens.end();
    return new Loop(names, items, condition, body, otherwise);
  }

  private List<String> names() {
    boolean nested = tokens.skipSymbol("(");
    List<String> names = new ArrayList<>(List.of(tokens.name()));
    while (tokens.skipSymbol(",")) {
      names.add(tokens.name());
    }
    if (nested) {
      tokens.expectSymbol(")");
    }
    return names;
  }

  private Statement assignment() {
    if (tokens.after().is(Token.Kind.SYMBOL, ".")) {
      String space = tokens.name();
      tokens.next();
      String name = tokens.name();
      Expression value = assigned();
      return (scope, _) -> {
        Object target = scope.get(space);
        Values.expect(Namespace.class, target, space).put(name, value.value(scope));
        return Statement.Flow.NEXT;
      };
    }
    List<String> names = names();
    Expression value = assigned();
    return (scope, _) -> {
      assign(scope, names, value.value(scope));
      return Statement.Flow.NEXT;
    };
  }

  /** What follows the equals sign, or the text up to the end of the block, maybe filtered. */
  private Expression assigned() {
    if (tokens.skipSymbol("=")) {
      Expression value = expressions.tuple();
      tokens.end();
      return value;
    }
    Body body = new Body();
    Expression value = body;
    while (tokens.skipSymbol("|")) {
      value = expressions.filter(value);
    }
    tokens.end();
    body.statement = block("endset");
    return value;
  }

  /** Gives names to a value or to its items. */
  static void assign(Scope scope, List<String> names, @Nullable Object value) {
    if (names.size() == 1) {
      scope.set(names.getFirst(), value);
      return;
    }
    List<@Nullable Object> items = Values.items(value);
    if (items.size() != names.size()) {
      throw new TemplateException(
          "%d items for the names %s".formatted(items.size(), String.join(", ", names)));
    }
    for (int i = 0; i < names.size(); i++) {
      scope.set(names.get(i), Values.of(items.get(i)));
    }
  }

  private Statement macro() {
    String name = tokens.name();
    Map<String, @Nullable Expression> parameters = new LinkedHashMap<>();
    tokens.expectSymbol("(");
    while (!tokens.isSymbol(")")) {
      String parameter = tokens.name();
      parameters.put(parameter, tokens.skipSymbol("=") ? expressions.expression() : null);
      if (!tokens.skipSymbol(",")) {
        break;
      }
    }
    tokens.expectSymbol(")");
    tokens.end();
    Statement body = block("endmacro");
    return (scope, _) -> {
      Scope outer = scope.outermost();
      Function function =
          arguments -> {
            Scope inner = new Scope(outer);
            int index = 0;
            for (Map.Entry<String, @Nullable Expression> parameter : parameters.entrySet()) {
              Object value = arguments.get(index++, parameter.getKey());
              Expression otherwise = parameter.getValue();
              inner.set(
                  parameter.getKey(),
                  value instanceof Undefined && otherwise != null ? otherwise.value(inner) : value);
            }
            StringBuilder text = new StringBuilder();
            body.run(inner, text);
            return text.toString();
          };
      scope.set(name, function);
      return Statement.Flow.NEXT;
    };
  }
}

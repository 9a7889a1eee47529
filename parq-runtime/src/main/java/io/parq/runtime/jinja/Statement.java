package io.parq.runtime.jinja;

import java.util.List;

/** What writes text. */
interface Statement {
  /** How it ended. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  Flow run(Scope scope, StringBuilder out);

  /** One after the other, until one of them leaves a loop. */
  static Statement all(List<Statement> statements) {
    List<Statement> copy = List.copyOf(statements);
    return (scope, out) -> {
      for (Statement statement : copy) {
        Flow flow = statement.run(scope, out);
        if (flow != Flow.NEXT) {
          return flow;
        }
      }
      return Flow.NEXT;
    };
  }
}

package io.parq.runtime.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A loop.
 *
 * @param names of an item or of its parts
 * @param items what it goes through
 * @param condition which items count
 * @param body what is done with each
 * @param otherwise what is done if there is none
 */
record Loop(
    List<String> names, Expression items, Expression condition, Statement body, Statement otherwise)
    implements Statement {

  @Override
  public Flow run(Scope scope, StringBuilder out) {
    List<@Nullable Object> chosen = new ArrayList<>();
    for (Object item : Values.items(items.value(scope))) {
      Scope inner = new Scope(scope);
      StatementParser.assign(inner, names, Values.of(item));
      if (Values.isTrue(condition.value(inner))) {
        chosen.add(Values.of(item));
      }
    }
    if (chosen.isEmpty()) {
      return otherwise.run(scope, out);
    }
    for (int i = 0; i < chosen.size(); i++) {
      Scope inner = new Scope(scope);
      StatementParser.assign(inner, names, chosen.get(i));
      inner.set("loop", state(chosen, i));
      if (body.run(inner, out) == Flow.BREAK) {
        break;
      }
    }
    return Flow.NEXT;
  }

  private static Map<String, @Nullable Object> state(List<@Nullable Object> items, int index) {
    Map<String, @Nullable Object> state = new LinkedHashMap<>();
    int size = items.size();
    state.put("index", index + 1L);
    state.put("index0", (long) index);
    state.put("revindex", (long) size - index);
    state.put("revindex0", size - index - 1L);
    state.put("first", index == 0);
    state.put("last", index == size - 1);
    state.put("length", (long) size);
    state.put("previtem", index > 0 ? items.get(index - 1) : Undefined.ofName("previtem"));
    state.put("nextitem", index < size - 1 ? items.get(index + 1) : Undefined.ofName("nextitem"));
    Function cycle = arguments -> arguments.positional().get(index % arguments.positional().size());
    state.put("cycle", cycle);
    return state;
  }
}

package io.parq.runtime.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Variables, over those of the scopes around it. */
final class Scope {
  private final @Nullable Scope parent;
  private final Map<String, @Nullable Object> variables = new HashMap<>();

  Scope(@Nullable Scope parent) {
    this.parent = parent;
  }

  @Nullable Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.parent) {
      if (scope.variables.containsKey(name)) {
        return scope.variables.get(name);
      }
    }
    return Undefined.ofName(name);
  }

  void set(String name, @Nullable Object value) {
    variables.put(name, value);
  }

  /** The scope of the whole template, which is what macros see. */
  Scope outermost() {
    return parent == null ? this : parent.outermost();
  }
}

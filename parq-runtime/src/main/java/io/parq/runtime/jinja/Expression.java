package io.parq.runtime.jinja;

import org.jspecify.annotations.Nullable;

/** What has a value. */
interface Expression {
  @Nullable Object value(Scope scope);
}

package io.parq.runtime.jinja;

import org.jspecify.annotations.Nullable;

/** What can be called. */
interface Function {
  @Nullable Object call(Arguments arguments);
}

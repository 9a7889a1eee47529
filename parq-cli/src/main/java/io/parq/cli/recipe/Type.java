package io.parq.cli.recipe;

import org.jspecify.annotations.Nullable;

/**
 * What a key may hold.
 *
 * @param <T> what it becomes
 */
interface Type<T> {
  /** {@return what may be written, as it follows "expected" in messages} */
  String expected();

  /** {@return the value, or null after a problem was reported} */
  @Nullable T read(Node node, String key, Reading reading);
}

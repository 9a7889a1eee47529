package io.parq.runtime.jinja;

import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/** Variables that {@code set} can change from within a loop. */
final class Namespace extends LinkedHashMap<String, @Nullable Object> {
  private static final long serialVersionUID = 1;
}

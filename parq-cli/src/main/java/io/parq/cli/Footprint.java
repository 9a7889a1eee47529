package io.parq.cli;

import io.parq.runtime.LanguageModel;
import java.util.Locale;
import java.util.OptionalLong;

/** What a loaded model takes, as it is printed. */
final class Footprint {
  private Footprint() {}

  static String of(LanguageModel model) {
    OptionalLong resident = ProcessMemory.resident();
    return String.format(
        Locale.ROOT,
        "%s of weights%s, %s of keys and values a token%s; ready in %.2f s",
        Sizes.bytes(model.weightBytes()),
        model.isCached() ? " from the cache" : "",
        Sizes.bytes(model.cacheBytesPerToken()),
        resident.isPresent() ? ", " + Sizes.bytes(resident.getAsLong()) + " resident" : "",
        model.startNanos() / 1e9);
  }
}

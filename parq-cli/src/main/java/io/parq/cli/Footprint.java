package io.parq.cli;

import io.parq.runtime.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** What a loaded model takes, as it is printed. */
final class Footprint {
  private static final Path STATUS = Path.of("/proc/self/status");

  private Footprint() {}

  static String of(LanguageModel model) throws IOException {
    OptionalLong resident = resident();
    return String.format(
        Locale.ROOT,
        "%s of weights%s, %s of keys and values a token%s; ready in %.2f s",
        Sizes.bytes(model.weightBytes()),
        model.isCached() ? " from the cache" : "",
        Sizes.bytes(model.cacheBytesPerToken()),
        resident.isPresent() ? ", " + Sizes.bytes(resident.getAsLong()) + " resident" : "",
        model.startNanos() / 1e9);
  }

  /** Memory that the process has now, mapped files included, where the system tells. */
  private static OptionalLong resident() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return OptionalLong.empty();
    }
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.matches("VmRSS:\\s+\\d+ kB"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst();
    }
  }
}

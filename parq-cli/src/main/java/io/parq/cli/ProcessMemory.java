package io.parq.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Bytes of memory that this process has resident, mapped files included; empty where the system
 * does not tell, that is elsewhere than on Linux.
 */
final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private ProcessMemory() {}

  /** Now. */
  static OptionalLong resident() {
    return status("VmRSS");
  }

  /** The most so far. */
  static OptionalLong peak() {
    return status("VmHWM");
  }

  private static OptionalLong status(String key) {
    if (!Files.isReadable(STATUS)) {
      return OptionalLong.empty();
    }
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.matches(key + ":\\s+\\d+ kB"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

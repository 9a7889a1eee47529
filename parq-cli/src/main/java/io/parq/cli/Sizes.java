package io.parq.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/** Numbers as people read them. */
final class Sizes {
  private Sizes() {}

  static String bytes(long bytes) {
    if (bytes < 10_000) {
      return bytes + " B";
    }
    double value = bytes;
    String[] units = {"KB", "MB", "GB", "TB"};
    int unit = -1;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }

  /** {@return the bytes of a file, or of all files in a folder} */
  static long onDisk(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return Files.size(path);
    }
    long bytes = 0;
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }

  static String shape(java.util.List<Long> shape) {
    return shape.isEmpty()
        ? "scalar"
        : String.join("x", shape.stream().map(String::valueOf).toList());
  }
}

package io.parq.cli;

import java.util.Locale;

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

  static String shape(java.util.List<Long> shape) {
    return shape.isEmpty()
        ? "scalar"
        : String.join("x", shape.stream().map(String::valueOf).toList());
  }
}

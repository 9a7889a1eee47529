package io.parq.optim;

/** Argument checks with messages that say what was found and what was expected. */
final class Checks {
  private Checks() {}

  static double nonNegative(String what, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(what + " " + value + ", expected finite and at least 0");
    }
    return value;
  }

  static double positive(String what, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(what + " " + value + ", expected finite and above 0");
    }
    return value;
  }

  /** Decay rates of running averages: 1 excluded. */
  static double fraction(String what, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(what + " " + value + ", expected at least 0 and below 1");
    }
    return value;
  }

  static double unit(String what, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(what + " " + value + ", expected 0 to 1");
    }
    return value;
  }

  static long atLeast(String what, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(what + " " + value + ", expected at least " + least);
    }
    return value;
  }

  static void window(String map, long start, long end) {
    atLeast(map + " anneal start", start, 0);
    if (end <= start) {
      throw new IllegalArgumentException(
          "%s anneal end %d, expected after its start %d".formatted(map, end, start));
    }
  }
}

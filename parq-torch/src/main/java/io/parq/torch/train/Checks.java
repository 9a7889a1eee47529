package io.parq.torch.train;

/** Argument checks. */
final class Checks {
  private Checks() {}

  static int atLeast(String name, int value, int least) {
    return (int) atLeast(name, (long) value, least);
  }

  static long atLeast(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s %d, expected at least %d".formatted(name, value, least));
    }
    return value;
  }
}

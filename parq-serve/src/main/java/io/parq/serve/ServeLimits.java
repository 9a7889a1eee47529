package io.parq.serve;

import java.time.Duration;

/**
 * How much a server does.
 *
 * @param concurrent most texts that are generated at a time, at least 1; each takes memory for keys
 *     and values of up to {@code context} tokens
 * @param queued most texts that wait for room, at least 0; further requests are refused (429)
 * @param maxTokens most tokens that a request may ask for, and gets if it does not say, at least 1
 * @param context most tokens of a text with its prompt, at least 1; no more than the model has
 *     positions count
 * @param bodyBytes largest body of a request, 1 to a gigabyte (413)
 * @param timeout longest time for a request, positive; what takes longer is given up (504)
 * @param grace how long closing waits for requests under way, not negative
 */
public record ServeLimits(
    int concurrent,
    int queued,
    int maxTokens,
    int context,
    int bodyBytes,
    Duration timeout,
    Duration grace) {
  private static final int MOST_BYTES = 1 << 30;

  /** 16 texts at a time, 64 waiting, 4096 tokens, 4 MiB, ten minutes, 30 seconds to finish. */
  public static final ServeLimits DEFAULTS =
      new ServeLimits(
          16, 64, 4096, Integer.MAX_VALUE, 4 << 20, Duration.ofMinutes(10), Duration.ofSeconds(30));

  /** Checks the ranges. */
  public ServeLimits {
    check("texts at a time", concurrent, 1);
    check("texts waiting", queued, 0);
    check("most tokens", maxTokens, 1);
    check("context", context, 1);
    check("largest body", bodyBytes, 1);
    if (bodyBytes > MOST_BYTES) {
      throw new IllegalArgumentException(
          "largest body %d, expected at most %d".formatted(bodyBytes, MOST_BYTES));
    }
    check("nanoseconds for a request", timeout.toNanos(), 1);
    check("nanoseconds to finish", grace.toNanos(), 0);
  }

  private static void check(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s %d, expected at least %d".formatted(name, value, least));
    }
  }
}

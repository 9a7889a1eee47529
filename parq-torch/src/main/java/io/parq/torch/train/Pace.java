package io.parq.torch.train;

import java.time.Duration;

/** How fast steps are: running means that forget old steps, from the second step on. */
final class Pace {
  /** Weight of the latest step; the first ones are averaged evenly. */
  private static final double WEIGHT = 0.05;

  private long started;
  private long steps;
  private double seconds;
  private double tokens;

  void begin() {
    started = System.nanoTime();
  }

  void end(long stepTokens) {
    double elapsed = (System.nanoTime() - started) * 1e-9;
    // The first step also loads and warms up: it is replaced by the second.
    double weight = steps < 2 ? 1 : Math.max(WEIGHT, 1.0 / steps);
    steps++;
    seconds += weight * (elapsed - seconds);
    tokens += weight * (stepTokens - tokens);
  }

  double tokensPerSecond() {
    return tokens / Math.max(seconds, 1e-9);
  }

  Duration timeLeft(long stepsLeft) {
    return Duration.ofMillis(Math.round(1000 * seconds * stepsLeft));
  }
}

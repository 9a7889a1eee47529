package io.parq.torch.train;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * How the next token is chosen from a model's logits. With a temperature above 0 the logits are
 * divided by it, then all but the {@code topK} most likely tokens are dropped, then all but the
 * fewest most likely ones whose probabilities sum to {@code topP} or more, and one of the rest is
 * drawn. Among equal logits the lower id counts as more likely.
 *
 * @param temperature at least 0; 0 takes the most likely token
 * @param topK at least 1, or 0 for no limit
 * @param topP above 0 up to 1
 * @param seed of the draws
 */
public record Sampling(double temperature, int topK, double topP, long seed) {
  /** Always the most likely token. */
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0);

  /** Checks the ranges. */
  public Sampling {
    if (!(temperature >= 0 && temperature < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "temperature %s, expected a finite number of at least 0".formatted(temperature));
    }
    Checks.atLeast("top-k", topK, 0);
    if (!(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("top-p %s, expected above 0 up to 1".formatted(topP));
    }
  }

  /** Chooses a token. */
  int choose(float[] logits, SplittableRandom random) {
    if (temperature == 0) {
      return argmax(logits);
    }
    int[] ids = descending(logits);
    int kept = topK == 0 ? ids.length : Math.min(topK, ids.length);
    double[] weights = new double[kept];
    double sum = 0;
    for (int i = 0; i < kept; i++) {
      weights[i] = Math.exp(((double) logits[ids[i]] - logits[ids[0]]) / temperature);
      sum += weights[i];
    }
    double mass = 0;
    for (int i = 0; i < kept; i++) {
      mass += weights[i];
      if (mass >= topP * sum) {
        kept = i + 1;
      }
    }
    double left = random.nextDouble() * mass;
    for (int i = 0; i < kept; i++) {
      left -= weights[i];
      if (left < 0) {
        return ids[i];
      }
    }
    return ids[kept - 1];
  }

  private static int argmax(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  /** Ids by falling logit, equal ones by rising id: sorts pairs packed into longs. */
  private static int[] descending(float[] logits) {
    long[] keys = new long[logits.length];
    for (int i = 0; i < keys.length; i++) {
      int bits = Float.floatToIntBits(-logits[i] + 0f);
      int ordered = bits < 0 ? bits ^ Integer.MAX_VALUE : bits;
      keys[i] = (long) ordered << 32 | i;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }
}

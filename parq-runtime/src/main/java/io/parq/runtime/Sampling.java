package io.parq.runtime;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * How the next token is chosen from logits. First those of tokens that are there already are
 * divided by the repetition penalty if positive, and multiplied by it otherwise. With a temperature
 * above 0 logits are then divided by it, and in this order all are dropped but the {@code topK}
 * most likely tokens; but the fewest most likely of these whose probabilities sum to {@code topP}
 * or more; and but those at least {@code minP} times as likely as the most likely one. One of the
 * rest is drawn. Among equal logits the lower id counts as more likely.
 *
 * @param temperature at least 0; 0 takes the most likely token
 * @param topK at least 1, or 0 for no limit
 * @param topP above 0 up to 1
 * @param minP from 0, for no limit, to 1
 * @param repetitionPenalty above 0; 1 for none
 * @param seed of the draws; the same seed gives the same text
 */
public record Sampling(
    double temperature, int topK, double topP, double minP, double repetitionPenalty, long seed) {
  /** Always the most likely token. */
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1, 0);

  /** Checks the ranges. */
  public Sampling {
    check("temperature", temperature, temperature >= 0, "a finite number of at least 0");
    check("top-k", topK, topK >= 0, "at least 0");
    check("top-p", topP, topP > 0 && topP <= 1, "above 0 up to 1");
    check("min-p", minP, minP >= 0 && minP <= 1, "0 to 1");
    check("repetition penalty", repetitionPenalty, repetitionPenalty > 0, "above 0");
  }

  private static void check(String name, double value, boolean valid, String expected) {
    if (!valid || Double.isInfinite(value)) {
      throw new IllegalArgumentException("%s %s, expected %s".formatted(name, value, expected));
    }
  }

  /**
   * {@return draws at a temperature, from all tokens}
   *
   * @param temperature above 0
   * @param seed of the draws
   */
  public static Sampling at(double temperature, long seed) {
    return new Sampling(temperature, 0, 1, 0, 1, seed);
  }

  /** Chooses a token; changes the logits of the first {@code count} ids. */
  int choose(float[] logits, int[] ids, int count, SplittableRandom random) {
    penalize(logits, ids, count);
    if (temperature == 0) {
      return argmax(logits);
    }
    int[] order = descending(logits);
    int kept = topK == 0 ? order.length : Math.min(topK, order.length);
    double[] weights = new double[kept];
    double sum = 0;
    for (int i = 0; i < kept; i++) {
      weights[i] = Math.exp(((double) logits[order[i]] - logits[order[0]]) / temperature);
      sum += weights[i];
    }
    double mass = 0;
    for (int i = 0; i < kept && (i == 0 || weights[i] >= minP * weights[0]); i++) {
      mass += weights[i];
      if (mass >= topP * sum || i + 1 == kept || weights[i + 1] < minP * weights[0]) {
        kept = i + 1;
      }
    }
    double left = random.nextDouble() * mass;
    for (int i = 0; i < kept; i++) {
      left -= weights[i];
      if (left < 0) {
        return order[i];
      }
    }
    return order[kept - 1];
  }

  private void penalize(float[] logits, int[] ids, int count) {
    if (repetitionPenalty == 1) {
      return;
    }
    for (int id : Arrays.stream(ids, 0, count).distinct().toArray()) {
      double logit = logits[id];
      logits[id] = (float) (logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty);
    }
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

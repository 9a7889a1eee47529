package io.parq.export.text;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * How the next token is chosen from logits: the logits processors of Hugging Face's transformers,
 * in its order. First those of tokens that are there already, in the prompt or the text, are
 * divided by the repetition penalty if positive, and multiplied by it otherwise. With a temperature
 * above 0 logits are then divided by it, and tokens are dropped: all that are less likely than the
 * {@code topK}-th most likely one; of the rest all but the fewest most likely ones whose
 * probabilities sum to {@code topP} or more, among equals those of lower ids first; and all that
 * are less than {@code minP} times as likely as the most likely one. One of those left is drawn.
 * Draws are SplittableRandom's, so they are not those of transformers with the same seed.
 *
 * @param temperature at least 0; 0 takes the most likely token, of equals that of the lowest id
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

  /**
   * Chooses a token. NaN counts as least likely.
   *
   * @param logits of all tokens, one at least; those of the first {@code count} ids may be changed
   * @param ids the tokens so far; not modified
   * @param count how many of them there are
   * @param random of the draws; not used if the temperature is 0
   * @return the token's id
   */
  public int choose(float[] logits, int[] ids, int count, SplittableRandom random) {
    penalize(logits, ids, count);
    int best = argmax(logits);
    if (temperature == 0) {
      return best;
    }
    int[] kept = kept(logits, best);
    double[] weights = new double[kept.length];
    double mass = 0;
    for (int i = 0; i < kept.length; i++) {
      weights[i] = weight(logits[kept[i]], logits[best]);
      mass += weights[i];
    }
    double left = random.nextDouble() * mass;
    for (int i = 0; i < kept.length; i++) {
      left -= weights[i];
      if (left < 0) {
        return kept[i];
      }
    }
    return best; // rounding, or only the best token is possible
  }

  /** Relative to the most likely token. */
  private double weight(float logit, float best) {
    double weight = logit == best ? 1 : Math.exp(((double) logit - best) / temperature);
    return weight > 0 ? weight : 0; // not NaN either
  }

  /** The tokens that may be drawn, in an order that depends on the logits only. */
  private int[] kept(float[] logits, int best) {
    int[] kept = new int[logits.length];
    int count = 0;
    double sum = 0;
    float least = topK == 0 || topK >= logits.length ? Float.NEGATIVE_INFINITY : nth(logits);
    for (int id = 0; id < logits.length; id++) {
      if (logits[id] >= least) {
        kept[count++] = id;
        sum += weight(logits[id], logits[best]);
      }
    }
    kept = topP < 1 ? top(logits, best, Arrays.copyOf(kept, count), sum) : kept;
    count = topP < 1 ? kept.length : count;
    int left = 0;
    for (int i = 0; i < count; i++) {
      if (weight(logits[kept[i]], logits[best]) >= minP) {
        kept[left++] = kept[i];
      }
    }
    return Arrays.copyOf(kept, left);
  }

  /** The logit of the {@code topK}-th most likely token. */
  private float nth(float[] logits) {
    LongHeap most = new LongHeap(topK); // its first is the least of the most likely
    for (int id = 0; id < logits.length; id++) {
      long key = -key(logits[id], id);
      if (most.size() < topK) {
        most.add(key);
      } else if (key > most.first()) {
        most.removeFirst();
        most.add(key);
      }
    }
    return logits[(int) -most.first()];
  }

  /** The fewest most likely tokens that have a share of the sum. */
  private int[] top(float[] logits, int best, int[] ids, double sum) {
    LongHeap heap = new LongHeap(ids.length);
    for (int id : ids) {
      heap.add(key(logits[id], id));
    }
    int[] top = new int[ids.length];
    int count = 0;
    for (double mass = 0; count < ids.length && mass < topP * sum; count++) {
      top[count] = (int) heap.removeFirst();
      mass += weight(logits[top[count]], logits[best]);
    }
    return Arrays.copyOf(top, count);
  }

  /** Rises with falling logit, then with the id, which is its lower half. */
  private static long key(float logit, int id) {
    int bits = Float.floatToIntBits(Float.isNaN(logit) ? Float.POSITIVE_INFINITY : -logit + 0f);
    int ordered = bits < 0 ? bits ^ Integer.MAX_VALUE : bits;
    return ((long) ordered << 32) | id;
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
      if (logits[i] > logits[best] || Float.isNaN(logits[best])) {
        best = i;
      }
    }
    return best;
  }
}

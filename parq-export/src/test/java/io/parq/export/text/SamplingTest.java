package io.parq.export.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Choice of tokens; parq-runtime's tests compare probabilities with those of transformers. */
class SamplingTest {
  /** Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625. */
  private static final double[] PROBABILITIES = {0.0625, 0.5, 0.125, 0.25, 0.0625};

  private static float[] logits() {
    float[] logits = new float[PROBABILITIES.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(PROBABILITIES[i]);
    }
    return logits;
  }

  private static Set<Integer> drawn(Sampling sampling) {
    SplittableRandom random = new SplittableRandom(sampling.seed());
    Set<Integer> found = new TreeSet<>();
    for (int i = 0; i < 1000; i++) {
      found.add(sampling.choose(logits(), new int[0], 0, random));
    }
    return found;
  }

  @Test
  void limits() {
    assertEquals(Set.of(1), drawn(Sampling.GREEDY));
    assertEquals(Set.of(0, 1, 2, 3, 4), drawn(Sampling.at(1, 5)));
    assertEquals(Set.of(1, 3), drawn(new Sampling(1, 2, 1, 0, 1, 5)));
    assertEquals(Set.of(1, 2, 3), drawn(new Sampling(1, 3, 1, 0, 1, 5)));
    assertEquals(
        Set.of(0, 1, 2, 3, 4), drawn(new Sampling(1, 4, 1, 0, 1, 5)), "equal to the fourth");
    assertEquals(Set.of(1, 3), drawn(new Sampling(1, 0, 0.7, 0, 1, 5)));
    assertEquals(Set.of(1, 2, 3), drawn(new Sampling(1, 0, 1, 0.2, 1, 5)));
    assertEquals(Set.of(1), drawn(new Sampling(1, 0, 1, 1, 1, 5)));
  }

  @Test
  void frequenciesAreProbabilities() {
    SplittableRandom random = new SplittableRandom(5);
    int[] counts = new int[PROBABILITIES.length];
    int draws = 20_000;
    for (int i = 0; i < draws; i++) {
      counts[Sampling.at(1, 0).choose(logits(), new int[0], 0, random)]++;
    }
    for (int i = 0; i < counts.length; i++) {
      assertEquals(PROBABILITIES[i], counts[i] / (double) draws, 0.015);
    }
  }

  @Test
  void repetitionsArePenalized() {
    Sampling sampling = new Sampling(0, 0, 1, 0, 3, 0);
    SplittableRandom random = new SplittableRandom(1);
    // A negative logit is multiplied, a positive one divided.
    assertEquals(3, sampling.choose(logits(), new int[] {1, 1, 0}, 2, random));
    assertEquals(1, sampling.choose(new float[] {3, 1.5f, 0}, new int[] {0}, 1, random));
  }

  @Test
  void temperaturesArePowers() {
    // Square roots and squares of the probabilities, normalized.
    double roots = Math.sqrt(0.5) + 0.5 + Math.sqrt(0.125) + 2 * 0.25;
    assertEquals(Math.sqrt(0.5) / roots, shareOfTheMostLikely(2), 0.015);
    double squares = 0.25 + 0.0625 + 0.015625 + 2 * 0.00390625;
    assertEquals(0.25 / squares, shareOfTheMostLikely(0.5), 0.015);
  }

  private static double shareOfTheMostLikely(double temperature) {
    SplittableRandom random = new SplittableRandom(6);
    int count = 0;
    int draws = 20_000;
    for (int i = 0; i < draws; i++) {
      count += Sampling.at(temperature, 0).choose(logits(), new int[0], 0, random) == 1 ? 1 : 0;
    }
    return count / (double) draws;
  }

  @Test
  void topPCountsWhatTopKLeft() {
    // Of 2/3 and 1/3 the first reaches 0.6.
    assertEquals(Set.of(1), drawn(new Sampling(1, 2, 0.6, 0, 1, 5)));
    assertEquals(Set.of(1), drawn(new Sampling(1, 0, 0.49, 0, 1, 5)));
  }

  @Test
  void greedyTiesGoToTheLowerId() {
    SplittableRandom random = new SplittableRandom(1);
    float[] tied = {-1, -0f, 0f, 2, 2, Float.NEGATIVE_INFINITY};
    assertEquals(3, Sampling.GREEDY.choose(tied, new int[0], 0, random));
    float[] odd = {Float.NaN, -1, Float.NaN};
    assertEquals(1, Sampling.GREEDY.choose(odd, new int[0], 0, random));
    for (int i = 0; i < 100; i++) {
      assertEquals(1, Sampling.at(1, 0).choose(odd, new int[0], 0, random));
    }
  }

  @Test
  void rangesAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> new Sampling(-1, 0, 1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(Double.NaN, 0, 1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, -1, 1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 0, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 2, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 0, 0, 0));
  }

  @Test
  void generationsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> Generation.greedy(0));
    List<String> stops = List.of("");
    assertThrows(IllegalArgumentException.class, () -> new Generation(1, Sampling.GREEDY, stops));
  }
}

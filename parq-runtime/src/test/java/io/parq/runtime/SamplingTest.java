package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

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
  void probabilitiesAreThoseOfTransformers() throws IOException {
    for (JsonNode golden : Golden.json("sampling.json")) {
      Sampling sampling =
          new Sampling(
              golden.get("temperature").doubleValue(),
              golden.get("top_k").intValue(),
              golden.get("top_p").doubleValue(),
              golden.get("min_p").doubleValue(),
              golden.get("repetition_penalty").doubleValue(),
              0);
      int[] ids = Golden.ids(golden.get("ids"));
      SplittableRandom random = new SplittableRandom(31);
      int draws = 20_000;
      int[] counts = new int[golden.get("logits").size()];
      for (int i = 0; i < draws; i++) {
        float[] logits = new float[counts.length];
        for (int id = 0; id < logits.length; id++) {
          logits[id] = golden.get("logits").get(id).floatValue();
        }
        counts[sampling.choose(logits, ids, ids.length, random)]++;
      }
      for (int id = 0; id < counts.length; id++) {
        double expected = golden.get("probabilities").get(id).doubleValue();
        double deviation = Math.sqrt(expected * (1 - expected) / draws);
        assertEquals(expected, counts[id] / (double) draws, 5 * deviation, sampling + ", " + id);
      }
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
}

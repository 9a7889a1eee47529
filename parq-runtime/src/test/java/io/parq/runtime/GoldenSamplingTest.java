package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.export.text.Sampling;
import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Draws follow the probabilities that transformers' logits processors leave. */
class GoldenSamplingTest {
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
}

package io.parq.samples.digits;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResultsTest {
  /** Scores of a base, of its rounded weights and of PARQ, in tenths of a percent. */
  private static Results results(int[]... seeds) {
    List<Score> scores = new ArrayList<>();
    for (int i = 0; i < seeds.length; i++) {
      scores.add(new Score(i, null, Method.BASE, seeds[i][0], 1000));
      scores.add(new Score(i, Width.TWO, Method.PTQ, seeds[i][1], 1000));
      scores.add(new Score(i, Width.TWO, Method.PARQ, seeds[i][2], 1000));
    }
    return new Results(scores);
  }

  @Test
  void meanAndDeviationOfTheSeeds() {
    Results results = results(new int[] {980, 900, 970}, new int[] {960, 860, 950});
    assertEquals(97, results.mean(null, Method.BASE), 1e-9);
    assertEquals(Math.sqrt(2), results.deviation(null, Method.BASE), 1e-9);
    assertEquals(88, results.mean(Width.TWO, Method.PTQ), 1e-9);
    assertEquals(2, results.seeds());
    assertEquals(1000, results.tested());
  }

  @Test
  void recoveredIsAShareOfTheLoss() {
    Results results = results(new int[] {980, 900, 970}, new int[] {960, 860, 950});
    assertEquals(100 * 8 / 9.0, results.recovered(Width.TWO, Method.PARQ).orElseThrow(), 1e-9);
  }

  @Test
  void nothingIsRecoveredWhereTheLossIsNoise() {
    // A loss of 0.1 points; then one of 1 point that varies by 3 from seed to seed.
    assertFalse(results(new int[] {980, 979, 985}).recovered(Width.TWO, Method.PARQ).isPresent());
    Results noisy = results(new int[] {980, 991, 985}, new int[] {980, 949, 985});
    assertFalse(noisy.recovered(Width.TWO, Method.PARQ).isPresent());
  }

  @Test
  void oneSeedHasNoDeviation() {
    Results results = results(new int[] {980, 900, 980});
    assertEquals(0, results.deviation(null, Method.BASE));
    assertEquals(100, results.recovered(Width.TWO, Method.PARQ).orElseThrow(), 1e-9);
  }
}

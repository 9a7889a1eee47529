package io.parq.samples.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResultsTest {
  private static final Results RESULTS =
      new Results(
          List.of(
              new Score(null, Method.BASE, 1.25, 4000),
              new Score(null, Method.CONTROL, 1.20, 4000),
              new Score(Width.TWO, Method.NEAREST_OF_BASE, 2.5, 300),
              new Score(Width.TWO, Method.OPTIMAL_OF_BASE, 1.65, 300),
              new Score(Width.TWO, Method.NEAREST_OF_CONTROL, 2.4, 300),
              new Score(Width.TWO, Method.OPTIMAL_OF_CONTROL, 1.60, 300),
              new Score(Width.TWO, Method.QAT, 1.24, 250)));

  @Test
  void recoveredIsTheShareOfTheLossThatIsWonBack() {
    assertEquals(90, Results.recovered(1.60, 1.24, 1.20).orElseThrow(), 1e-9);
    assertEquals(100, Results.recovered(1.60, 1.20, 1.20).orElseThrow(), 1e-9);
    assertEquals(0, Results.recovered(1.60, 1.60, 1.20).orElseThrow(), 1e-9);
    assertEquals(-50, Results.recovered(1.60, 1.80, 1.20).orElseThrow(), 1e-9);
    assertEquals(110, Results.recovered(1.60, 1.16, 1.20).orElseThrow(), 1e-9);
  }

  @Test
  void nothingIsRecoveredWhereNothingWasLost() {
    assertTrue(Results.recovered(1.204, 1.21, 1.20).isEmpty());
    assertTrue(Results.recovered(1.19, 1.21, 1.20).isEmpty());
    assertEquals("n/a", TextTable.percent(Results.recovered(1.19, 1.21, 1.20)));
  }

  @Test
  void startsFromTheErrorOptimalRoundingOfTheReference() {
    assertEquals(List.of(Width.TWO), RESULTS.widths());
    assertEquals(102.5, RESULTS.recoveredOfBase(Width.TWO).orElseThrow(), 1e-9);
    assertEquals(90, RESULTS.recoveredOfControl(Width.TWO).orElseThrow(), 1e-9);
    assertEquals(0.04, RESULTS.behindControl(Width.TWO), 1e-9);
  }

  @Test
  void bytesAreThoseOfTheTrainedModel() {
    assertEquals(4000, RESULTS.bytes(null));
    assertEquals(250, RESULTS.bytes(Width.TWO));
    assertEquals(16, RESULTS.smaller(Width.TWO));
  }

  @Test
  void namesAMissingScore() {
    List<Score> scores = new ArrayList<>(RESULTS.scores());
    scores.removeLast();
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class, () -> new Results(scores).bits(Width.TWO, Method.QAT));
    assertTrue(String.valueOf(e.getMessage()).contains("QAT"), e.getMessage());
  }
}

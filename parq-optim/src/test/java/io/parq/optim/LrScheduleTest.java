package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LrScheduleTest {
  private static void check(LrSchedule schedule, double... expected) {
    double[] factors = LongStream.range(0, expected.length).mapToDouble(schedule::factor).toArray();
    assertArrayEquals(expected, factors, 1e-15);
  }

  @Test
  void factors() {
    check(LrSchedule.constant(), 1, 1, 1);
    check(LrSchedule.cosine(4, 0), 1, 0.5 + Math.sqrt(0.125), 0.5, 0.5 - Math.sqrt(0.125), 0, 0);
    check(LrSchedule.cosine(2, 0.2), 1, 0.6, 0.2, 0.2);
    check(LrSchedule.linearWarmup(4, LrSchedule.cosine(2, 0)), 0.25, 0.5, 0.75, 1, 1, 0.5, 0, 0);
    check(LrSchedule.wsd(2, 3, 4, 0.2), 0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2);
    check(LrSchedule.wsd(0, 0, 2, 0), 1, 0.5, 0, 0);
  }

  @Test
  void areValues() {
    assertEquals(LrSchedule.cosine(4, 0), LrSchedule.cosine(4, 0));
    assertNotEquals(LrSchedule.cosine(4, 0).toString(), LrSchedule.cosine(5, 0).toString());
  }

  @Test
  void checkTheirSettings() {
    LrSchedule constant = LrSchedule.constant();
    assertThrows(IllegalArgumentException.class, () -> LrSchedule.linearWarmup(0, constant));
    assertThrows(IllegalArgumentException.class, () -> LrSchedule.cosine(0, 0));
    assertThrows(IllegalArgumentException.class, () -> LrSchedule.cosine(1, 2));
    assertThrows(IllegalArgumentException.class, () -> LrSchedule.wsd(-1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> LrSchedule.wsd(0, -1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> LrSchedule.wsd(0, 0, 0, 0));
  }
}

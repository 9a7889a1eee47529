package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class WorkersTest {
  private static final long MUCH = 1L << 30;

  @Test
  void runsEachTaskOnce() {
    for (int threads : new int[] {1, 4}) {
      Workers workers = new Workers(threads);
      AtomicIntegerArray runs = new AtomicIntegerArray(1000);
      for (int round = 1; round <= 3; round++) {
        workers.run(1000, MUCH, (tile, task) -> runs.incrementAndGet(task));
        for (int task = 0; task < 1000; task++) {
          assertEquals(round, runs.get(task));
        }
      }
    }
  }

  @Test
  void noTwoTasksShareATileAtATime() {
    Workers workers = new Workers(4);
    Set<Tile> busy = ConcurrentHashMap.newKeySet();
    workers.run(
        500,
        MUCH,
        (tile, task) -> {
          assertTrue(busy.add(tile));
          Thread.onSpinWait();
          busy.remove(tile);
        });
  }

  @Test
  void rethrowsAndCanGoOn() {
    Workers workers = new Workers(4);
    for (int bad : new int[] {0, 50, 99}) {
      assertThrows(
          ArithmeticException.class,
          () ->
              workers.run(
                  100,
                  MUCH,
                  (tile, task) -> {
                    if (task == bad) {
                      throw new ArithmeticException();
                    }
                  }));
    }
    workers.run(0, MUCH, (tile, task) -> {});
  }

  @Test
  void littleWorkStaysOnTheCallingThread() {
    Thread caller = Thread.currentThread();
    new Workers(4).run(8, 1000, (tile, task) -> assertEquals(caller, Thread.currentThread()));
  }
}

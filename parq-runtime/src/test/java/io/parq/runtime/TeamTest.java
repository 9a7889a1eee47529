package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TeamTest {
  private static void assertOnce(Team team, int tasks) {
    AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
    team.run(tasks, runs::getAndIncrement);
    for (int task = 0; task < tasks; task++) {
      assertEquals(1, runs.get(task), "task " + task);
    }
  }

  @Test
  void everyTaskRunsOnce() throws InterruptedException {
    for (int threads : new int[] {1, 2, 5}) {
      Team team = new Team(threads);
      for (int tasks : new int[] {0, 1, 2, 7, 1000}) {
        assertOnce(team, tasks);
      }
      // The others sleep by now.
      Thread.sleep(20);
      for (int i = 0; i < 1000; i++) {
        assertOnce(team, 3);
      }
    }
  }

  @Test
  void tasksMayRunTasks() {
    Team team = new Team(3);
    AtomicInteger runs = new AtomicInteger();
    team.run(4, outer -> team.run(5, inner -> runs.getAndIncrement()));
    assertEquals(20, runs.get());
  }

  @Test
  void severalThreadsMayCall() throws InterruptedException {
    Team team = new Team(2);
    AtomicInteger runs = new AtomicInteger();
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      callers.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int run = 0; run < 500; run++) {
                      team.run(8, task -> runs.getAndIncrement());
                    }
                  }));
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertEquals(4 * 500 * 8, runs.get());
  }

  @Test
  void whatATaskThrowsIsRethrown() {
    Team team = new Team(2);
    IllegalStateException expected = new IllegalStateException("task 3");
    IllegalStateException thrown =
        assertThrows(
            IllegalStateException.class,
            () ->
                team.run(
                    8,
                    task -> {
                      if (task == 3) {
                        throw expected;
                      }
                    }));
    assertSame(expected, thrown);
    assertOnce(team, 100);
  }
}

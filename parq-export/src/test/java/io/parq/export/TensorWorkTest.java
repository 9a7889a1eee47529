package io.parq.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Work on several tensors at a time. */
class TensorWorkTest {
  private static final List<Integer> NUMBERS = IntStream.range(0, 100).boxed().toList();

  private static void forEach(ModelWriter.Progress progress, TensorWork.Work<Integer> work)
      throws IOException {
    TensorWork.forEach(NUMBERS, String::valueOf, number -> number, progress, work);
  }

  @Test
  void eachIsDoneOnce() throws IOException {
    Set<Integer> done = new ConcurrentSkipListSet<>();
    List<Long> progress = new ArrayList<>();
    forEach(
        (bytes, total, _) -> {
          assertEquals(99 * 100 / 2, total);
          progress.add(bytes);
        },
        number -> assertTrue(done.add(number)));
    assertEquals(Set.copyOf(NUMBERS), done);
    assertEquals(100, progress.size());
    assertEquals(progress.stream().sorted().toList(), progress);
  }

  /** Whichever thread is faster: of those that fail, the first counts, and the rest is left. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 17, 98})
  void theFirstFailureCounts(int first) {
    Set<Integer> begun = new ConcurrentSkipListSet<>();
    IOException failure = new IOException("first");
    IOException thrown =
        assertThrows(
            IOException.class,
            () ->
                forEach(
                    ModelWriter.Progress.NONE,
                    number -> {
                      begun.add(number);
                      if (number == first) {
                        LockSupport.parkNanos(20_000_000);
                        throw failure;
                      }
                      if (number > first) {
                        throw new IllegalStateException("later");
                      }
                    }));
    assertSame(failure, thrown);
    assertTrue(begun.size() <= first + 9, "begun: " + begun);
  }

  @Test
  void everyKindOfFailureStaysWhatItIs() {
    for (Class<? extends Throwable> kind :
        List.of(IOException.class, IllegalArgumentException.class, OutOfMemoryError.class)) {
      assertThrows(
          kind,
          () ->
              forEach(
                  ModelWriter.Progress.NONE,
                  _ -> {
                    switch (kind.getSimpleName()) {
                      case "IOException" -> throw new IOException();
                      case "OutOfMemoryError" -> throw new OutOfMemoryError();
                      default -> throw new IllegalArgumentException();
                    }
                  }));
    }
  }
}

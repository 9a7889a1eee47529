package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Batches: every sequence once an epoch, in an order that repeats. */
class BatchesTest {
  private static TokenData counting(int size) {
    return TokenData.of(IntStream.range(0, size).toArray(), TextSize.EMPTY);
  }

  private static List<Long> firsts(Batches batches, int count) {
    List<Long> firsts = new ArrayList<>();
    while (firsts.size() < count) {
      Batch batch = batches.next();
      for (int row = 0; row < batch.rows(); row++) {
        firsts.add(batch.ids()[row * batch.columns()]);
      }
    }
    return firsts;
  }

  @Test
  void targetsAreTheNextTokens() {
    Batch batch = new Batches(counting(30), 4, 2, 1).next();
    assertEquals(2, batch.rows());
    assertEquals(4, batch.columns());
    assertEquals(8, batch.counted());
    for (int i = 0; i < 8; i++) {
      assertEquals(batch.ids()[i] + 1, batch.targets()[i]);
    }
  }

  @Test
  void everyEpochTakesAllSequencesInAnOrderOfItsOwn() {
    Batches batches = new Batches(counting(4 * 9 + 3), 4, 3, 8);
    assertEquals(9, batches.sequences());
    List<Long> first = firsts(batches, 9);
    List<Long> second = firsts(batches, 9);
    List<Long> all = IntStream.range(0, 9).mapToObj(i -> 4L * i).toList();
    assertEquals(all, first.stream().sorted().toList());
    assertEquals(all, second.stream().sorted().toList());
    assertNotEquals(first, second);
    assertNotEquals(all, first);
    assertEquals(first, firsts(new Batches(counting(39), 4, 3, 8), 9));
    assertNotEquals(first, firsts(new Batches(counting(39), 4, 3, 9), 9));
  }

  @Test
  void goesOnFromAnyPosition() {
    Batches straight = new Batches(counting(50), 3, 5, 2);
    Batches other = new Batches(counting(50), 3, 5, 2);
    for (int i = 0; i < 20; i++) {
      long position = straight.position();
      long[] expected = straight.next().ids();
      other.seek(position);
      assertArrayEquals(expected, other.next().ids());
    }
    assertEquals(100, straight.position());
    other.seek(5);
    assertArrayEquals(
        new Batches(counting(50), 3, 10, 2).next().ids(),
        concat(new Batches(counting(50), 3, 5, 2).next().ids(), other.next().ids()));
  }

  private static long[] concat(long[] a, long[] b) {
    return java.util.stream.LongStream.concat(Arrays.stream(a), Arrays.stream(b)).toArray();
  }

  @Test
  void maskedTargetsAreIgnored() {
    Tokens tokens = new Tokens();
    tokens.add(new int[] {0, 1, 2, 3, 4, 5}, false);
    tokens.add(new int[] {6, 7}, true);
    tokens.add(8, false);
    TokenData data = new TokenData(tokens.toArray(), TextSize.EMPTY);
    Batches batches = new Batches(data, 4, 1, 1);
    assertEquals(1, batches.sequences());
    Batch batch = batches.next();
    assertArrayEquals(new long[] {4, 5, 6, 7}, batch.ids());
    assertArrayEquals(new long[] {-100, 6, 7, -100}, batch.targets());
    assertEquals(2, batch.counted());
  }

  @Test
  void refusesWhatIsTooShort() {
    assertEquals(
        "data of 4 tokens, expected at least 5 for one sequence of length 4 and its last target",
        assertThrows(IllegalArgumentException.class, () -> new Batches(counting(4), 4, 1, 1))
            .getMessage());
    assertEquals(1, new Batches(counting(5), 4, 1, 1).sequences());
    assertThrows(IllegalArgumentException.class, () -> new Batches(counting(5), 0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new Batches(counting(5), 4, 0, 1));
    Tokens masked = new Tokens();
    masked.add(new int[9], false);
    TokenData data = new TokenData(masked.toArray(), TextSize.EMPTY);
    assertThrows(IllegalArgumentException.class, () -> new Batches(data, 4, 1, 1));
  }
}

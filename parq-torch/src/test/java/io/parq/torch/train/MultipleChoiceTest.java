package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Multiple choice against likelihoods worked out by hand. */
class MultipleChoiceTest {
  private static final TextCodec CODEC = Codecs.PLAIN;

  @TempDir private Path folder;

  /** After a space "a" has 1/2, "b" 1/4, after "b" "b" has 7/8; else all ids are alike. */
  private static TableModel model() {
    double[][] table = new double[256][256];
    for (double[] row : table) {
      Arrays.fill(row, 1.0 / 256);
    }
    Arrays.fill(table[' '], 0.25 / 254);
    table[' ']['a'] = 0.5;
    table[' ']['b'] = 0.25;
    Arrays.fill(table['b'], 0.125 / 255);
    table['b']['b'] = 0.875;
    return TableModel.ofProbabilities(table);
  }

  private static double[][] scores(int window, int batchSize, MultipleChoice... questions) {
    return new ChoiceScorer(Scorer.of(model()), CODEC, window, batchSize)
        .logLikelihoods(List.of(questions));
  }

  @Test
  void scoresAreWhatOneWorksOutByHand() {
    MultipleChoice question = new MultipleChoice("xyz", List.of("a", "bbb", "b"), 0);
    double space = -Math.log(256);
    double[] expected = {
      space + Math.log(0.5), space + Math.log(0.25) + 2 * Math.log(0.875), space + Math.log(0.25)
    };
    for (int batchSize = 1; batchSize < 5; batchSize++) {
      assertArrayEquals(expected, scores(16, batchSize, question)[0], 1e-5);
      // A window that just holds the longest choice gives the same: the model sees one token back.
      assertArrayEquals(expected, scores(4, batchSize, question)[0], 1e-5);
    }
  }

  @Test
  void spacesAtTheEndGoOver() {
    MultipleChoice question = new MultipleChoice("xy \n", List.of("a", "b"), 0);
    double expected = Math.log(0.25 / 254) - 2 * Math.log(256) + Math.log(0.5);
    assertEquals(expected, scores(16, 2, question)[0][0], 1e-5);
  }

  @Test
  void emptyContextsBeginWithASpecialToken() {
    MultipleChoice question = new MultipleChoice("", List.of("a", "b"), 0);
    assertEquals(-Math.log(256) + Math.log(0.5), scores(16, 2, question)[0][0], 1e-5);
    ChoiceScorer none = new ChoiceScorer(Scorer.of(model()), Codecs.NEITHER, 16, 2);
    assertThrows(IllegalArgumentException.class, () -> none.logLikelihoods(List.of(question)));
  }

  @Test
  void accuracyWithAndWithoutLength() {
    List<MultipleChoice> questions =
        List.of(
            new MultipleChoice("x", List.of("a", "bbb"), 0),
            new MultipleChoice("x", List.of("a", "bbb"), 1),
            new MultipleChoice("longer context", List.of("b", "a", "bbbb"), 2));
    // The longer text is less likely, but more so per character.
    MultipleChoice.Accuracy accuracy = MultipleChoice.score(model(), CODEC, questions, 32, 4);
    assertEquals(new MultipleChoice.Accuracy(3, 1, 2), accuracy);
    assertEquals(1 / 3.0, accuracy.acc());
    assertEquals(2 / 3.0, accuracy.accNorm());
  }

  /** As Python counts: an emoji is one character, though four bytes and two chars of Java. */
  @Test
  void lengthsAreCountedInCodePoints() {
    double[][] table = new double[256][256];
    for (double[] row : table) {
      Arrays.fill(row, 1.0 / 256);
    }
    int[] emoji = {' ', 0xF0, 0x9F, 0x98, 0x80};
    for (int i = 1; i < emoji.length; i++) {
      Arrays.fill(table[emoji[i - 1]], 0.6 / 255);
      table[emoji[i - 1]][emoji[i]] = 0.4;
    }
    // In nats: -9.2 for one character, -17.1 for two.
    MultipleChoice question = new MultipleChoice("x", List.of("\uD83D\uDE00", "xy"), 1);
    assertEquals(
        new MultipleChoice.Accuracy(1, 0, 1),
        MultipleChoice.score(
            TableModel.ofProbabilities(table), TextCodec.bytes(), List.of(question), 16, 2));
  }

  @Test
  void tooLongChoicesAreNamed() {
    MultipleChoice question = new MultipleChoice("x", List.of("a", "bbb"), 0);
    assertEquals(
        "question 0, choice 1: 4 tokens after a context of 1, expected 1 to 3 after at least 1",
        assertThrows(IllegalArgumentException.class, () -> scores(3, 2, question)).getMessage());
  }

  @Test
  void questionsAreRead() throws IOException {
    Path file = folder.resolve("q.jsonl");
    Files.writeString(
        file, "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"answer\": 1, \"x\": 0}\n");
    assertEquals(List.of(new MultipleChoice("c", List.of("a", "b"), 1)), MultipleChoice.read(file));
    for (String bad :
        List.of(
            "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"answer\": 2}",
            "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"answer\": \"1\"}",
            "{\"context\": \"c\", \"choices\": [\"a\"], \"answer\": 0}",
            "{\"context\": \"c\", \"choices\": [\"a\", \"\"], \"answer\": 0}",
            "{\"context\": \"c\", \"choices\": [\"a\", 3], \"answer\": 0}",
            "{\"choices\": [\"a\", \"b\"], \"answer\": 0}")) {
      Files.writeString(file, "\n" + bad);
      String message =
          assertThrows(IllegalArgumentException.class, () -> MultipleChoice.read(file))
              .getMessage();
      assertTrue(message.startsWith(file + ":2: "), message);
    }
    Files.writeString(file, "");
    assertThrows(IllegalArgumentException.class, () -> MultipleChoice.read(file));
  }
}

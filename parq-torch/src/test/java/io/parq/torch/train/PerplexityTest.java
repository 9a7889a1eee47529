package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

/** Perplexity against values worked out by hand, in windows of all sizes. */
class PerplexityTest {
  private static final double[][] TABLE = {{0.5, 0.25, 0.25}, {0.1, 0.2, 0.7}, {0.6, 0.3, 0.1}};

  @Test
  void isWhatOneWorksOutByHand() {
    // 0 -> 1 -> 2 -> 0 -> 0: 0.25 * 0.7 * 0.6 * 0.5 = 0.0525
    TokenData data = TokenData.of(new int[] {0, 1, 2, 0, 0}, new TextSize(8, 6, 2));
    Perplexity result = Perplexity.of(TableModel.ofProbabilities(TABLE), data, 8, 8, 2);
    double nats = -Math.log(0.0525);
    assertEquals(4, result.tokens());
    assertEquals(nats, result.nats(), 1e-6);
    assertEquals(nats / 4, result.loss(), 1e-6);
    assertEquals(Math.pow(1 / 0.0525, 1 / 4.0), result.perToken(), 1e-6);
    assertEquals(Math.pow(1 / 0.0525, 1 / 8.0), result.perByte(), 1e-6);
    assertEquals(Math.pow(1 / 0.0525, 1 / 2.0), result.perWord(), 1e-5);
    assertEquals(nats / Math.log(2) / 8, result.bitsPerByte(), 1e-6);
    assertEquals(nats / Math.log(2) / 6, result.bitsPerCharacter(), 1e-6);
  }

  @Test
  void masksAreExact() {
    Tokens tokens = new Tokens();
    tokens.add(new int[] {0, 1}, false);
    tokens.add(new int[] {2, 0}, true);
    tokens.add(0, false);
    TokenData data = new TokenData(tokens.toArray(), TextSize.EMPTY);
    Perplexity result = Perplexity.of(TableModel.ofProbabilities(TABLE), data, 3, 2, 1);
    assertEquals(2, result.tokens());
    assertEquals(-Math.log(0.7 * 0.6), result.nats(), 1e-6);
    assertTrue(Double.isNaN(result.bitsPerCharacter()));
  }

  @Test
  void everyTargetIsScoredOnceInAnyWindow() {
    SplittableRandom random = new SplittableRandom(4);
    int[] ids = random.ints(23, 0, 3).toArray();
    TokenData data = TokenData.of(ids, TextSize.EMPTY);
    double nats = 0;
    for (int i = 1; i < ids.length; i++) {
      nats -= Math.log(TABLE[ids[i - 1]][ids[i]]);
    }
    for (int window : new int[] {1, 2, 5, 7, 21, 22, 23, 100}) {
      for (int stride = 1; stride <= Math.min(window, 25); stride++) {
        TableModel model = TableModel.ofProbabilities(TABLE);
        Perplexity result = Perplexity.of(model, data, window, stride, 3);
        assertEquals(22, result.tokens());
        assertEquals(nats, result.nats(), 1e-5, "window " + window + ", stride " + stride);
      }
    }
  }

  /** The context that a target is scored with is at least window - stride ids, where there are. */
  @Test
  void stridesKeepContext() {
    TokenData data = TokenData.of(new int[12], TextSize.EMPTY);
    List<Integer> starts = new ArrayList<>();
    LanguageModel model =
        ids -> {
          starts.add((int) ids.size(1));
          return torch.zeros(ids.size(0), ids.size(1), 2L);
        };
    Perplexity result = Perplexity.of(model, data, 4, 3, 1);
    // Windows of 4 targets at 0, 3, 6 and, moved back to end with the text, 7.
    assertEquals(List.of(4, 4, 4, 4), starts);
    assertEquals(11, result.tokens());
    assertEquals(2, result.perToken(), 1e-6);
  }

  @Test
  void refusesWhatCannotBeScored() {
    LanguageModel model = TableModel.ofProbabilities(TABLE);
    TokenData data = TokenData.of(new int[] {0, 1}, TextSize.EMPTY);
    assertThrows(IllegalArgumentException.class, () -> Perplexity.of(model, data, 0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> Perplexity.of(model, data, 4, 5, 1));
    assertThrows(IllegalArgumentException.class, () -> Perplexity.of(model, data, 4, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> Perplexity.of(model, data, 4, 4, 0));
    TokenData one = TokenData.of(new int[1], TextSize.EMPTY);
    assertThrows(IllegalArgumentException.class, () -> Perplexity.of(model, one, 4, 4, 1));
    LanguageModel flat = ids -> Tensor.create(new float[6], 2, 3);
    String message =
        assertThrows(IllegalStateException.class, () -> Perplexity.of(flat, data, 4, 4, 1))
            .getMessage();
    assertEquals("model gave logits of shape [2, 3], expected [1, 1, vocabulary]", message);
  }
}

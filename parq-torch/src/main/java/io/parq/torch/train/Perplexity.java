package io.parq.torch.train;

import java.util.ArrayList;
import java.util.List;

/**
 * How well a model predicts a text.
 *
 * <p>The text is scored in windows of equal length. The first one scores all its targets; each
 * further one begins {@code stride} tokens later and scores the targets that the ones before have
 * not, with the {@code window - stride} tokens before them as context; the last one is moved back
 * to end with the text. So every target is scored once. A stride equal to the window is fastest, a
 * smaller one gives each token more context and so a lower perplexity.
 *
 * @param nats negative log-likelihood of all targets that count
 * @param tokens their number
 * @param text the text that they stand for
 */
public record Perplexity(double nats, long tokens, TextSize text) {
  /**
   * Scores data.
   *
   * @param model what scores; windows are batched, so it sees [batchSize, window] ids
   * @param data at least 2 tokens
   * @param window ids that the model sees, at least 1
   * @param stride 1 to window
   * @param batchSize windows at a time, at least 1
   * @return the result
   * @throws IllegalArgumentException if a number is out of range, or no target counts
   */
  public static Perplexity of(Scorer model, TokenData data, int window, int stride, int batchSize) {
    Checks.atLeast("window", window, 1);
    Checks.atLeast("stride", stride, 1);
    Checks.atLeast("batch size", batchSize, 1);
    if (stride > window) {
      throw new IllegalArgumentException(
          "stride %d, expected at most the window's length %d".formatted(stride, window));
    }
    if (data.size() < 2) {
      throw new IllegalArgumentException(
          "data of %d tokens, expected at least 2".formatted(data.size()));
    }
    int length = Math.min(window, data.size() - 1);
    List<Span> spans = spans(data.size() - 1, length, stride);
    double nats = 0;
    long tokens = 0;
    for (int first = 0; first < spans.size(); first += batchSize) {
      List<Span> rows = spans.subList(first, Math.min(spans.size(), first + batchSize));
      Batch batch = new Batch(rows.size(), length);
      for (int row = 0; row < rows.size(); row++) {
        batch.fill(row, data, rows.get(row).start());
        batch.ignore(row, rows.get(row).context());
      }
      long counted = batch.counted();
      if (counted > 0) {
        tokens += counted;
        for (float part : model.losses(batch)) {
          nats += part;
        }
      }
    }
    if (tokens == 0) {
      throw new IllegalArgumentException("none of the %d tokens counts".formatted(data.size()));
    }
    return new Perplexity(nats, tokens, data.textSize());
  }

  /** A window and how many of its targets are context only. */
  private record Span(int start, int context) {}

  private static List<Span> spans(int targets, int length, int stride) {
    List<Span> spans = new ArrayList<>();
    int scored = 0;
    for (long start = 0; scored < targets; start += stride) {
      int from = (int) Math.min(start, targets - length);
      spans.add(new Span(from, scored - from));
      scored = from + length;
    }
    return spans;
  }

  /** {@return the mean negative log-likelihood of a token, in nats} */
  public double loss() {
    return nats / tokens;
  }

  /** {@return the perplexity by token} */
  public double perToken() {
    return Math.exp(loss());
  }

  /** {@return the perplexity by UTF-8 byte, NaN if the text's size is unknown (0)} */
  public double perByte() {
    return Math.exp(per(text.bytes()));
  }

  /** {@return the perplexity by word, NaN if the text's size is unknown (0)} */
  public double perWord() {
    return Math.exp(per(text.words()));
  }

  /** {@return the bits a UTF-8 byte takes, NaN if the text's size is unknown (0)} */
  public double bitsPerByte() {
    return per(text.bytes()) / Math.log(2);
  }

  /** {@return the bits a character takes, NaN if the text's size is unknown (0)} */
  public double bitsPerCharacter() {
    return per(text.characters()) / Math.log(2);
  }

  private double per(long units) {
    return units == 0 ? Double.NaN : nats / units;
  }
}

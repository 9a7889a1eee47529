package io.parq.export.text;

import java.util.List;

/**
 * What to generate.
 *
 * @param maxTokens most tokens to generate, at least 1
 * @param sampling how tokens are chosen
 * @param stops strings that end the text and are not part of it, none empty
 */
public record Generation(int maxTokens, Sampling sampling, List<String> stops) {
  /** Checks and copies. */
  public Generation {
    stops = List.copyOf(stops);
    if (maxTokens < 1 || stops.contains("")) {
      throw new IllegalArgumentException(
          "most tokens %d, stop strings %s, expected at least 1 and none that is empty"
              .formatted(maxTokens, stops));
    }
  }

  /**
   * {@return a greedy generation without stop strings}
   *
   * @param maxTokens most tokens to generate, at least 1
   */
  public static Generation greedy(int maxTokens) {
    return new Generation(maxTokens, Sampling.GREEDY, List.of());
  }

  /** Why a text ended. */
  public enum End {
    /** The model gave a token that ends a text. */
    END_OF_TEXT,
    /** A stop string appeared. */
    STOP_STRING,
    /** As many tokens as allowed, or as there are positions for. */
    LENGTH,
    /** The caller wanted no more. */
    CANCELLED
  }

  /**
   * A generated text.
   *
   * @param text without the prompt and without what stopped it
   * @param promptTokens number of tokens of the prompt, one for the beginning included
   * @param tokens number of tokens generated, including one that ended the text
   * @param end why it ended
   * @param prefillNanos nanoseconds from the beginning of the work to the first token's logits
   * @param decodeNanos nanoseconds from there to the end
   */
  public record Result(
      String text, int promptTokens, int tokens, End end, long prefillNanos, long decodeNanos) {
    /** {@return tokens of the prompt a second} */
    public double prefillRate() {
      return promptTokens * 1e9 / Math.max(prefillNanos, 1);
    }

    /** {@return tokens a second after the first one} */
    public double decodeRate() {
      return (tokens - 1) * 1e9 / Math.max(decodeNanos, 1);
    }
  }
}

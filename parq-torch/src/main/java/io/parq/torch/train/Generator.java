package io.parq.torch.train;

import io.parq.export.model.TextStream;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Continues texts, a token at a time. The model is run over the whole sequence for each token; of
 * one that is longer than the window it sees the end. There is no cache of keys and values, so this
 * is for looking at models, not for serving them.
 */
public final class Generator {
  private final LanguageModel model;
  private final TextCodec codec;
  private final int window;

  /** Why generation ended. */
  public enum End {
    /** The model gave the token that ends a text. */
    END_OF_TEXT,
    /** A stop string appeared. */
    STOP_STRING,
    /** As many tokens as allowed. */
    LENGTH
  }

  /**
   * What to do.
   *
   * @param maxTokens most tokens to generate, at least 1
   * @param sampling how tokens are chosen
   * @param stops strings that end the text and are not part of it, none empty
   */
  public record Options(int maxTokens, Sampling sampling, List<String> stops) {
    /** Checks and copies. */
    public Options {
      Checks.atLeast("most tokens", maxTokens, 1);
      stops = List.copyOf(stops);
      if (stops.contains("")) {
        throw new IllegalArgumentException("empty stop string, expected a character or more");
      }
    }
  }

  /**
   * A generated text.
   *
   * @param text without the prompt and without what stopped it
   * @param tokens number of tokens generated, including one that ended the text
   * @param end why it ended
   */
  public record Result(String text, int tokens, End end) {}

  /**
   * Prepares to generate.
   *
   * @param model the model
   * @param codec its tokenizer
   * @param window most ids that the model sees, at least 1
   */
  public Generator(LanguageModel model, TextCodec codec, int window) {
    this.model = model;
    this.codec = codec;
    this.window = Checks.atLeast("window", window, 1);
  }

  /**
   * Continues a prompt. The same arguments give the same text, on one thread count.
   *
   * @param prompt the beginning, after the token for the beginning of a text, if there is one; an
   *     empty one is replaced by the token for the beginning or else the end of a text
   * @param options what to do
   * @param stream is given the text in pieces as soon as they are certain: whole characters, and
   *     nothing that may turn out to be a stop string
   * @return the whole text
   * @throws IllegalArgumentException if the prompt is empty and there is no token for the beginning
   *     or end
   */
  public Result generate(String prompt, Options options, Consumer<String> stream) {
    int[] ids = prompt(prompt);
    int first = ids.length;
    int length = first;
    ids = Arrays.copyOf(ids, Math.addExact(first, options.maxTokens()));
    SplittableRandom random = new SplittableRandom(options.sampling().seed());
    TextStream text = new TextStream(options.stops(), stream);
    End end = End.LENGTH;
    while (length < ids.length) {
      int next = options.sampling().choose(Scoring.next(model, window(ids, length)), random);
      ids[length++] = next;
      if (codec.ends().contains(next)) {
        end = End.END_OF_TEXT;
        break;
      }
      if (text.update(codec.decode(Arrays.copyOfRange(ids, first, length)))) {
        end = End.STOP_STRING;
        break;
      }
    }
    return new Result(text.finish(), length - first, end);
  }

  private int[] prompt(String prompt) {
    int[] ids = codec.encode(prompt);
    OptionalInt start = ids.length == 0 ? codec.start() : codec.begin();
    if (start.isEmpty()) {
      if (ids.length == 0) {
        throw new IllegalArgumentException(
            "empty prompt, expected a token, for there is none that begins or ends a text");
      }
      return ids;
    }
    int[] longer = new int[ids.length + 1];
    longer[0] = start.getAsInt();
    System.arraycopy(ids, 0, longer, 1, ids.length);
    return longer;
  }

  private long[] window(int[] ids, int length) {
    return Arrays.stream(ids, Math.max(0, length - window), length).asLongStream().toArray();
  }
}

package io.parq.torch.train;

import io.parq.export.text.Generation;
import io.parq.export.text.TextStream;
import java.util.Arrays;
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
   * @param generation what to do
   * @param stream is given the text in pieces as soon as they are certain: whole characters, and
   *     nothing that may turn out to be a stop string
   * @return the whole text, and how long it took
   * @throws IllegalArgumentException if the prompt is empty and there is no token for the beginning
   *     or end
   */
  public Generation.Result generate(String prompt, Generation generation, Consumer<String> stream) {
    int[] ids = prompt(prompt);
    int first = ids.length;
    int length = first;
    ids = Arrays.copyOf(ids, Math.addExact(first, generation.maxTokens()));
    SplittableRandom random = new SplittableRandom(generation.sampling().seed());
    TextStream text = new TextStream(generation.stops(), stream);
    Generation.End end = Generation.End.LENGTH;
    long start = System.nanoTime();
    long prefill = 0;
    while (length < ids.length) {
      float[] logits = Scoring.next(model, window(ids, length));
      if (length == first) {
        prefill = System.nanoTime() - start;
      }
      int next = generation.sampling().choose(logits, ids, length, random);
      ids[length++] = next;
      if (codec.ends().contains(next)) {
        end = Generation.End.END_OF_TEXT;
        break;
      }
      if (text.update(codec.decode(Arrays.copyOfRange(ids, first, length)))) {
        end = Generation.End.STOP_STRING;
        break;
      }
    }
    long decode = System.nanoTime() - start - prefill;
    return new Generation.Result(text.finish(), first, length - first, end, prefill, decode);
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

package io.parq.runtime;

import io.parq.export.text.Generation;
import io.parq.export.text.TextStream;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A text in the making: its tokens, the cache of their keys and values, and why it ended. */
final class Sequence {
  private final Codec codec;
  private final Generation generation;
  private final SplittableRandom random;
  private final TextStream text;
  private final KeyValueCache cache;
  private final float[] logits;
  private final DecodedText decoded;
  private final int[] ids;
  private final int first;
  private final int most;
  private final long start = System.nanoTime();
  private int length;
  private long prefill;
  private Generation.@Nullable End end;

  /**
   * Begins.
   *
   * @param prompt its tokens, one at least, of which the cache may have some; not modified
   * @param positions most tokens, those of the prompt included
   * @param vocabulary number of the model's tokens
   */
  Sequence(
      Codec codec,
      int[] prompt,
      Generation generation,
      KeyValueCache cache,
      int positions,
      int vocabulary,
      Consumer<String> stream) {
    if (prompt.length == 0 || prompt.length > positions) {
      throw new IllegalArgumentException(
          "%d tokens, expected at least one and at most %d positions"
              .formatted(prompt.length, positions));
    }
    this.codec = codec;
    this.generation = generation;
    this.cache = cache;
    logits = new float[vocabulary];
    decoded = new DecodedText(codec);
    random = new SplittableRandom(generation.sampling().seed());
    text = new TextStream(generation.stops(), stream);
    first = prompt.length;
    length = first;
    most = (int) Math.min((long) first + generation.maxTokens(), positions);
    ids = Arrays.copyOf(prompt, Math.max(most, first + 1));
  }

  /** The tokens to be read next, a number at most. */
  Chunk next(int tokens) {
    int to = (int) Math.min((long) cache.length() + tokens, length);
    return new Chunk(ids, to, length, cache, logits);
  }

  int length() {
    return length;
  }

  int unread() {
    return length - cache.length();
  }

  KeyValueCache cache() {
    return cache;
  }

  /** All tokens so far. */
  int[] ids() {
    return Arrays.copyOf(ids, length);
  }

  /**
   * Adds the next token by the logits of the chunk that was read last.
   *
   * @return whether the text goes on
   */
  boolean add() {
    if (length == first) {
      prefill = System.nanoTime() - start;
    }
    int next = generation.sampling().choose(logits, ids, length, random);
    ids[length++] = next;
    if (codec.ends(next)) {
      end = Generation.End.END_OF_TEXT;
    } else if (text.update(decoded.of(ids, first, length))) {
      end = Generation.End.STOP_STRING;
    } else if (length >= most) {
      end = Generation.End.LENGTH;
    }
    return end == null;
  }

  /** Sends what was held back. A text that has not ended is cancelled. */
  Generation.Result result() {
    Generation.End why = end == null ? Generation.End.CANCELLED : end;
    long nanos = System.nanoTime() - start;
    long before = length == first ? nanos : prefill;
    return new Generation.Result(text.finish(), first, length - first, why, before, nanos - before);
  }
}

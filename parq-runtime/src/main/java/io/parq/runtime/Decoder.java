package io.parq.runtime;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.export.model.Rope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A decoder's weights and what they compute. Thread-safe: all state is in the cache. */
final class Decoder {
  /** Most tokens that go through the layers together. */
  static final int CHUNK = 256;

  private final ModelConfig config;
  private final PackedMatrix embedding;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final RmsNorm norm;
  private final Linear head;

  Decoder(LayerReader reader) throws IOException {
    config = reader.config();
    embedding = reader.embedding();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(new DecoderLayer(reader, i));
    }
    norm = reader.norm("model.norm", config.hiddenSize());
    head = reader.head(embedding);
  }

  ModelConfig config() {
    return config;
  }

  long byteSize() {
    long bytes = embedding.byteSize() + (head.matrix() == embedding ? 0 : head.byteSize());
    for (DecoderLayer layer : layers) {
      bytes += layer.linears().stream().mapToLong(Linear::byteSize).sum();
    }
    return bytes;
  }

  /** Bytes of keys and values of a token. */
  long cacheBytesPerToken() {
    return 2L * Float.BYTES * config.layers() * config.keyValueHeads() * config.headDim();
  }

  KeyValueCache newCache() {
    return new KeyValueCache(config.layers(), config.keyValueHeads(), config.headDim());
  }

  /**
   * Reads the tokens of a sequence that the cache does not have yet, at least one. Where
   * frequencies depend on the sequence's length and it has grown past the limit, all tokens are
   * read again.
   *
   * @param ids the sequence, of which {@code length} count
   * @param everywhere whether logits are wanted at every token read, or at the last one only
   * @return {@code [token][vocabulary]}
   */
  float[] read(int[] ids, int length, KeyValueCache cache, boolean everywhere) {
    check(ids, cache.length(), length);
    refresh(cache, length);
    int first = cache.length();
    int vocabulary = config.vocabSize();
    float[] logits = new float[Math.multiplyExact(everywhere ? length - first : 1, vocabulary)];
    for (int from = first; from < length; from += CHUNK) {
      Chunk chunk = new Chunk(ids, Math.min(from + CHUNK, length), length, cache, logits);
      if (everywhere) {
        everywhere(chunk, (from - first) * vocabulary);
      } else {
        step(List.of(chunk));
      }
    }
    return logits;
  }

  /** Reads tokens, and stores logits after each of them. */
  private void everywhere(Chunk chunk, int at) {
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    try {
      int tokens = chunk.count();
      float[] hidden = hidden(List.of(chunk), tokens);
      head.apply(norm.copy(hidden), tokens, chunk.logits(), at, config.vocabSize());
    } finally {
      scratch.release(mark);
    }
  }

  /**
   * Reads tokens of several sequences together, so that weights are read from memory once for all,
   * and stores logits after each token that is the last of its sequence.
   *
   * @param chunks of different sequences, each with a token or more, made after {@link #refresh}
   */
  void step(List<Chunk> chunks) {
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    try {
      int tokens = 0;
      List<Chunk> ended = new ArrayList<>();
      List<Integer> ends = new ArrayList<>();
      for (Chunk chunk : chunks) {
        check(chunk.ids(), chunk.cache().length(), chunk.to());
        tokens = Math.addExact(tokens, chunk.count());
        if (chunk.isLast()) {
          ended.add(chunk);
          ends.add(tokens - 1);
        }
      }
      float[] hidden = hidden(chunks, tokens);
      if (!ended.isEmpty()) {
        logits(hidden, ends, ended);
      }
    } finally {
      scratch.release(mark);
    }
  }

  private void logits(float[] hidden, List<Integer> tokens, List<Chunk> chunks) {
    int size = config.hiddenSize();
    int vocabulary = config.vocabSize();
    int count = chunks.size();
    float[] last = Scratch.ofCaller().floats(count * size);
    for (int i = 0; i < count; i++) {
      System.arraycopy(hidden, tokens.get(i) * size, last, i * size, size);
      norm.apply(last, i * size);
    }
    if (count == 1) {
      head.apply(last, 1, chunks.getFirst().logits(), 0, vocabulary);
      return;
    }
    float[] all = Scratch.ofCaller().floats(Math.multiplyExact(count, vocabulary));
    head.apply(last, count, all, 0, vocabulary);
    for (int i = 0; i < count; i++) {
      System.arraycopy(all, i * vocabulary, chunks.get(i).logits(), 0, vocabulary);
    }
  }

  /**
   * Empties a cache whose tokens have other frequencies than those of a sequence of this length.
   */
  void refresh(KeyValueCache cache, int length) {
    if (!frequencies(cache.placedFor()).equals(frequencies(length))) {
      cache.length(0);
    }
  }

  private void check(int[] ids, int from, int to) {
    for (int i = from; i < to; i++) {
      if (ids[i] < 0 || ids[i] >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "id %d at index %d, expected 0 to %d".formatted(ids[i], i, config.vocabSize() - 1));
      }
    }
  }

  private List<List<Float>> frequencies(int length) {
    return List.of(config.rope().frequencies(length), config.localRope().frequencies(length));
  }

  /** What the layers make of the next tokens, in the caller's scratch. */
  private float[] hidden(List<Chunk> chunks, int tokens) {
    float[] x = embed(chunks, tokens);
    Map<Rope, List<Span>> spans = new HashMap<>();
    for (int i = 0; i < layers.size(); i++) {
      layers
          .get(i)
          .apply(x, tokens, spans.computeIfAbsent(config.rope(i), rope -> spans(chunks, rope)));
    }
    for (Chunk chunk : chunks) {
      chunk.cache().length(chunk.to());
      chunk.cache().placedFor(chunk.length());
    }
    return x;
  }

  private float[] embed(List<Chunk> chunks, int tokens) {
    int size = config.hiddenSize();
    float[] x = Scratch.ofCaller().floats(Math.multiplyExact(tokens, size));
    int at = 0;
    for (Chunk chunk : chunks) {
      chunk.cache().reserve(chunk.length());
      for (int i = chunk.cache().length(); i < chunk.to(); i++, at += size) {
        embedding.row(chunk.ids()[i], x, at);
      }
    }
    if (config.family() == Family.GEMMA3) {
      float factor = (float) Math.sqrt(size);
      for (int i = 0; i < x.length; i++) {
        x[i] *= factor;
      }
    }
    return x;
  }

  private static List<Span> spans(List<Chunk> chunks, Rope rope) {
    List<Span> spans = new ArrayList<>();
    int from = 0;
    for (Chunk chunk : chunks) {
      int count = chunk.count();
      Rotation rotation = Rotation.of(rope, chunk.length(), chunk.cache().length(), count);
      spans.add(new Span(from, count, chunk.cache(), rotation));
      from += count;
    }
    return spans;
  }
}

package io.parq.runtime;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.export.model.Rope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A decoder's weights and what they compute. Thread-safe: all state is in the cache. */
final class Decoder {
  /** Most tokens that go through the layers together. */
  private static final int CHUNK = 256;

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
    return new KeyValueCache(config.layers(), config.keyValueHeads() * config.headDim());
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
    for (int i = cache.length(); i < length; i++) {
      if (ids[i] < 0 || ids[i] >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "id %d at index %d, expected 0 to %d".formatted(ids[i], i, config.vocabSize() - 1));
      }
    }
    if (!frequencies(cache.length()).equals(frequencies(length))) {
      cache.length(0);
    }
    int first = cache.length();
    cache.reserve(length);
    int vocabulary = config.vocabSize();
    float[] logits = new float[Math.multiplyExact(everywhere ? length - first : 1, vocabulary)];
    for (int from = first; from < length; from += CHUNK) {
      int tokens = Math.min(CHUNK, length - from);
      float[] hidden = hidden(Arrays.copyOfRange(ids, from, from + tokens), length, cache);
      if (everywhere) {
        head.apply(norm.copy(hidden), tokens, logits, (from - first) * vocabulary, vocabulary);
      } else if (from + tokens == length) {
        float[] last =
            Arrays.copyOfRange(hidden, hidden.length - config.hiddenSize(), hidden.length);
        head.apply(norm.copy(last), 1, logits, 0, vocabulary);
      }
    }
    return logits;
  }

  private List<List<Float>> frequencies(int length) {
    return List.of(config.rope().frequencies(length), config.localRope().frequencies(length));
  }

  /** What the layers make of the next tokens. */
  private float[] hidden(int[] ids, int length, KeyValueCache cache) {
    int size = config.hiddenSize();
    float[] x = new float[ids.length * size];
    for (int i = 0; i < ids.length; i++) {
      embedding.row(ids[i], x, i * size);
    }
    if (config.family() == Family.GEMMA3) {
      float factor = (float) Math.sqrt(size);
      for (int i = 0; i < x.length; i++) {
        x[i] *= factor;
      }
    }
    Map<Rope, Rotation> rotations = new HashMap<>();
    for (int i = 0; i < layers.size(); i++) {
      Rotation rotation =
          rotations.computeIfAbsent(
              config.rope(i), rope -> Rotation.of(rope, length, cache.length(), ids.length));
      layers.get(i).apply(x, ids.length, cache, rotation);
    }
    cache.length(cache.length() + ids.length);
    return x;
  }
}

package io.parq.runtime;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Attention of a layer over the tokens in the cache. */
final class Attention {
  private final ModelConfig config;
  private final int layer;
  private final int queries;
  private final int keys;
  private final List<Linear> projections;
  private final Linear output;
  private final @Nullable RmsNorm queryNorm;
  private final @Nullable RmsNorm keyNorm;
  private final MatrixKernels kernels;

  Attention(LayerReader reader, String name, int layer) throws IOException {
    config = reader.config();
    this.layer = layer;
    queries = config.heads() * config.headDim();
    keys = config.keyValueHeads() * config.headDim();
    int hidden = config.hiddenSize();
    kernels = Chosen.of(hidden, queries);
    boolean bias = config.attentionBias();
    projections =
        config.family() == Family.PHI3
            ? List.of(reader.linear(name + ".qkv_proj", hidden, queries + 2 * keys, false))
            : List.of(
                reader.linear(name + ".q_proj", hidden, queries, bias),
                reader.linear(name + ".k_proj", hidden, keys, bias),
                reader.linear(name + ".v_proj", hidden, keys, bias));
    output = reader.linear(name + ".o_proj", queries, hidden, config.outputBias());
    boolean normed = config.family() == Family.QWEN3 || config.family() == Family.GEMMA3;
    queryNorm = normed ? reader.norm(name + ".q_norm", config.headDim()) : null;
    keyNorm = normed ? reader.norm(name + ".k_norm", config.headDim()) : null;
  }

  List<Linear> linears() {
    return java.util.stream.Stream.concat(projections.stream(), java.util.stream.Stream.of(output))
        .toList();
  }

  /**
   * From normalized tokens to what is added to them, in the caller's scratch; their keys and values
   * go to the caches.
   */
  float[] apply(float[] x, int tokens, List<Span> spans) {
    int stride = queries + 2 * keys;
    Scratch scratch = Scratch.ofCaller();
    float[] y = scratch.floats(tokens * config.hiddenSize());
    float[] qkv = scratch.floats(tokens * stride);
    Linear.apply(projections, x, tokens, qkv, stride);
    Span[] owners = new Span[tokens];
    long products = 0;
    for (Span span : spans) {
      Arrays.fill(owners, span.from(), span.from() + span.count(), span);
      store(qkv, span);
      products += (long) span.count() * queries * (span.cache().length() + span.count());
    }
    float[] seen = scratch.floats(tokens * queries);
    Team.run(
        products,
        tokens * config.heads(),
        i -> {
          int token = i / config.heads();
          head(qkv, token, i % config.heads(), owners[token], seen);
        });
    output.apply(seen, tokens, y, 0, config.hiddenSize());
    return y;
  }

  /** Places queries and keys, and puts keys and values into the cache. */
  private void store(float[] qkv, Span span) {
    int stride = queries + 2 * keys;
    KeyValueCache cache = span.cache();
    for (int i = 0; i < span.count(); i++) {
      int at = (span.from() + i) * stride;
      place(qkv, at, config.heads(), queryNorm, span.rotation(), i);
      place(qkv, at + queries, config.keyValueHeads(), keyNorm, span.rotation(), i);
      int to = (cache.length() + i) * keys;
      System.arraycopy(qkv, at + queries, cache.keys(layer), to, keys);
      System.arraycopy(qkv, at + queries + keys, cache.values(layer), to, keys);
    }
  }

  private void place(
      float[] x, int at, int heads, @Nullable RmsNorm norm, Rotation rotation, int token) {
    for (int head = 0; head < heads; head++) {
      int start = at + head * config.headDim();
      if (norm != null) {
        norm.apply(x, start);
      }
      rotation.turn(token, x, start);
    }
  }

  /**
   * One head of one token: the values that it sees, by the softmax of its products with keys, in
   * one go: a larger product than all before shrinks what there is.
   */
  private void head(float[] qkv, int token, int head, Span span, float[] seen) {
    KeyValueCache cache = span.cache();
    int dim = config.headDim();
    int window = config.windows().get(layer);
    int last = cache.length() + token - span.from();
    int first = window == 0 ? 0 : Math.max(0, last - window + 1);
    int shared = head / (config.heads() / config.keyValueHeads()) * dim;
    int query = token * (queries + 2 * keys) + head * dim;
    int to = token * queries + head * dim;
    Arrays.fill(seen, to, to + dim, 0f);
    float scale = (float) config.attentionScale();
    float most = Float.NEGATIVE_INFINITY;
    double sum = 0;
    for (int i = first; i <= last; i++) {
      int at = i * keys + shared;
      float product = kernels.dot(qkv, query, cache.keys(layer), at, dim) * scale;
      if (product > most) {
        float factor = (float) Math.exp(most - product);
        scale(seen, to, dim, factor);
        sum *= factor;
        most = product;
      }
      float weight = (float) Math.exp(product - most);
      sum += weight;
      kernels.addScaled(weight, cache.values(layer), at, seen, to, dim);
    }
    scale(seen, to, dim, (float) (1 / sum));
  }

  private static void scale(float[] x, int at, int length, float factor) {
    for (int i = at; i < at + length; i++) {
      x[i] *= factor;
    }
  }
}

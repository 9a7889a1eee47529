package io.parq.runtime;

import static io.parq.runtime.KeyValueCache.BLOCK;
import static io.parq.runtime.MatrixKernels.QUERIES;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import java.io.IOException;
import java.util.ArrayList;
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

  /** Queries of a token that share keys. */
  private final int shared;

  /** Tokens that are seen at most, or 0. */
  private final int window;

  private final float scale;

  /**
   * Queries that keys and values are read for once. Of each head of keys, those of a span are
   * {@code [token][shared]}.
   *
   * @param first of them
   * @param count up to {@link MatrixKernels#QUERIES}
   */
  private record Part(Span span, int first, int count) {}

  Attention(LayerReader reader, String name, int layer) throws IOException {
    config = reader.config();
    this.layer = layer;
    queries = config.heads() * config.headDim();
    keys = config.keyValueHeads() * config.headDim();
    int hidden = config.hiddenSize();
    kernels = Chosen.of(hidden, queries);
    shared = config.heads() / config.keyValueHeads();
    window = config.windows().get(layer);
    scale = (float) config.attentionScale();
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
    List<Part> parts = new ArrayList<>();
    long products = 0;
    for (Span span : spans) {
      store(qkv, span);
      for (int first = 0; first < span.count() * shared; first += QUERIES) {
        parts.add(new Part(span, first, Math.min(QUERIES, span.count() * shared - first)));
      }
      products += (long) span.count() * queries * (span.cache().length() + span.count());
    }
    float[] seen = scratch.floats(tokens * queries);
    Team.run(
        products,
        parts.size() * config.keyValueHeads(),
        i -> attend(qkv, parts.get(i % parts.size()), i / parts.size(), seen));
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
      cache.put(layer, cache.length() + i, qkv, at + queries, at + queries + keys);
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

  /** What the queries of a part make of the values that they see, for a head of keys. */
  private void attend(float[] qkv, Part part, int head, float[] seen) {
    KeyValueCache cache = part.span().cache();
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    int dim = config.headDim();
    float[] some = scratch.floats(QUERIES * dim);
    Arrays.fill(some, 0f);
    for (int i = 0; i < part.count(); i++) {
      int from = at(part, i, head, queries + 2 * keys);
      for (int d = 0; d < dim; d++) {
        some[i * dim + d] = qkv[from + d] * scale;
      }
    }
    int base = firstSeen(part, 0) / BLOCK * BLOCK;
    int end = cache.length() + token(part, part.count() - 1) + 1;
    int width = Math.ceilDiv(end, BLOCK) * BLOCK - base;
    int stride = Integer.highestOneBit(2 * width - 1);
    float[] weights = scratch.floats(QUERIES * stride);
    for (int key = base; key < end; key += BLOCK) {
      int at = cache.at(key / BLOCK, head);
      kernels.scores(some, dim, cache.keys(layer), at, weights, key - base, stride);
    }
    float[] sums = scratch.floats(QUERIES);
    for (int i = 0; i < part.count(); i++) {
      int at = i * stride;
      int last = cache.length() + token(part, i);
      Arrays.fill(weights, at, at + firstSeen(part, i) - base, Float.NEGATIVE_INFINITY);
      Arrays.fill(weights, at + last + 1 - base, at + width, Float.NEGATIVE_INFINITY);
      sums[i] = kernels.softmax(weights, at, width);
    }
    Arrays.fill(some, 0f);
    for (int key = base; key < end; key += BLOCK) {
      int count = Math.min(BLOCK, end - key);
      int at = cache.at(key / BLOCK, head);
      kernels.mix(weights, key - base, stride, count, cache.values(layer), at, dim, some);
    }
    for (int i = 0; i < part.count(); i++) {
      int to = at(part, i, head, queries);
      for (int d = 0; d < dim; d++) {
        seen[to + d] = some[i * dim + d] / sums[i];
      }
    }
    scratch.release(mark);
  }

  /** Where a query's head is in what has {@code stride} floats for each token. */
  private int at(Part part, int query, int head, int stride) {
    int own = head * shared + (part.first() + query) % shared;
    return (part.span().from() + token(part, query)) * stride + own * config.headDim();
  }

  /** Which of the span's tokens a query is of. */
  private int token(Part part, int query) {
    return (part.first() + query) / shared;
  }

  /** The first token that a query sees. */
  private int firstSeen(Part part, int query) {
    int last = part.span().cache().length() + token(part, query);
    return window == 0 ? 0 : Math.max(0, last - window + 1);
  }
}

package io.parq.export.onnx;

import static io.parq.export.onnx.GraphBuilder.attribute;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.export.model.Rope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/** The graph of a decoder: from token ids, and the keys and values of those before, to logits. */
final class DecoderGraph {
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String HEAD = "lm_head.weight";

  private final ModelConfig config;
  private final GraphBuilder graph;
  private final GraphWeights weights;
  private final DecoderPositions positions;

  /** Keys and values that layers give out. */
  private final Map<Integer, List<String>> presents = new HashMap<>();

  DecoderGraph(ModelConfig config, GraphBuilder graph, GraphWeights weights) {
    this.config = config;
    this.graph = graph;
    this.weights = weights;
    this.positions = new DecoderPositions(graph);
  }

  void build() {
    long hidden = config.hiddenSize();
    String x = weights.embedding("input_ids", EMBEDDING, config.vocabSize(), hidden);
    if (config.family() == Family.GEMMA3) {
      x =
          graph.add(
              "Mul",
              List.of(x, graph.floats(new float[] {(float) Math.sqrt(config.hiddenSize())})));
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      x = layer(x, layer);
    }
    x = norm(x, "model.norm", hidden);
    String head = config.tiedHead() ? EMBEDDING : HEAD;
    String logits = weights.linear(x, head, config.vocabSize(), hidden);
    graph.output("logits", logits, DataType.FLOAT, "batch", "tokens", config.vocabSize());
    for (int layer = 0; layer < config.layers(); layer++) {
      present(layer);
    }
  }

  private void present(int layer) {
    List<String> values = presents.getOrDefault(layer, List.of("", ""));
    for (int i = 0; i < 2; i++) {
      graph.output(
          "present.%d.%s".formatted(layer, i == 0 ? "key" : "value"),
          values.get(i),
          DataType.FLOAT,
          "batch",
          config.keyValueHeads(),
          "past_and_tokens",
          config.headDim());
    }
  }

  private String layer(String x, int index) {
    String name = "model.layers." + index;
    long hidden = config.hiddenSize();
    boolean gemma = config.family() == Family.GEMMA3;
    String attended = attention(norm(x, name + ".input_layernorm", hidden), index);
    String after = name + ".post_attention_layernorm";
    String middle = graph.add("Add", List.of(x, gemma ? norm(attended, after, hidden) : attended));
    String before = gemma ? name + ".pre_feedforward_layernorm" : after;
    String fed = feedForward(norm(middle, before, hidden), name + ".mlp");
    return graph.add(
        "Add",
        List.of(middle, gemma ? norm(fed, name + ".post_feedforward_layernorm", hidden) : fed));
  }

  private String norm(String x, String name, long size) {
    String factors = weights.vector(name + ".weight", size);
    if (config.family() == Family.GEMMA3) {
      // Gemma stores them less one.
      factors = graph.add("Add", List.of(factors, graph.floats(new float[] {1})));
    }
    return graph.add(
        "RMSNormalization", List.of(x, factors), attribute("epsilon", config.normEpsilon()));
  }

  private String linear(String x, String name, long rows, long columns, boolean bias) {
    String y = weights.linear(x, name + ".weight", rows, columns);
    return bias ? graph.add("Add", List.of(y, weights.vector(name + ".bias", rows))) : y;
  }

  private String feedForward(String x, String name) {
    long hidden = config.hiddenSize();
    long inner = config.intermediateSize();
    String gate;
    String up;
    if (config.family() == Family.PHI3) {
      List<String> halves =
          split(linear(x, name + ".gate_up_proj", 2 * inner, hidden, false), inner, inner);
      gate = halves.get(0);
      up = halves.get(1);
    } else {
      gate = linear(x, name + ".gate_proj", inner, hidden, config.mlpBias());
      up = linear(x, name + ".up_proj", inner, hidden, config.mlpBias());
    }
    String active =
        config.family() == Family.GEMMA3
            ? graph.add("Gelu", List.of(gate), attribute("approximate", "tanh"))
            : graph.add("Mul", List.of(gate, graph.add("Sigmoid", List.of(gate))));
    return linear(
        graph.add("Mul", List.of(active, up)),
        name + ".down_proj",
        hidden,
        inner,
        config.mlpBias());
  }

  private List<String> split(String x, long... sizes) {
    return graph.add(
        "Split", List.of(x, graph.integers(sizes)), sizes.length, attribute("axis", -1));
  }

  private String attention(String x, int index) {
    String name = "model.layers." + index + ".self_attn";
    long hidden = config.hiddenSize();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.keyValueHeads() * config.headDim();
    boolean bias = config.attentionBias();
    List<String> qkv =
        config.family() == Family.PHI3
            ? split(
                linear(x, name + ".qkv_proj", queries + 2 * keys, hidden, false),
                queries,
                keys,
                keys)
            : List.of(
                linear(x, name + ".q_proj", queries, hidden, bias),
                linear(x, name + ".k_proj", keys, hidden, bias),
                linear(x, name + ".v_proj", keys, hidden, bias));
    boolean normed = config.family() == Family.QWEN3 || config.family() == Family.GEMMA3;
    Rope rope = config.rope(index);
    String query = heads(qkv.get(0), config.heads(), normed ? name + ".q_norm" : null);
    String key = heads(qkv.get(1), config.keyValueHeads(), normed ? name + ".k_norm" : null);
    List<String> outputs =
        graph.add(
            "Attention",
            List.of(
                positions.turn(query, rope),
                positions.turn(key, rope),
                heads(qkv.get(2), config.keyValueHeads(), null),
                positions.mask(config.windows().get(index)),
                past(index, "key"),
                past(index, "value")),
            3,
            attribute("scale", config.attentionScale()));
    presents.put(index, outputs.subList(1, 3));
    String seen =
        graph.add(
            "Transpose", List.of(outputs.getFirst()), attribute("perm", new long[] {0, 2, 1, 3}));
    String flat = graph.add("Reshape", List.of(seen, graph.integers(0, 0, queries)));
    return linear(flat, name + ".o_proj", hidden, queries, config.outputBias());
  }

  private String past(int layer, String kind) {
    return graph.input(
        "past_key_values.%d.%s".formatted(layer, kind),
        DataType.FLOAT,
        "batch",
        config.keyValueHeads(),
        "past",
        config.headDim());
  }

  /** From [batch, token, head * element] to [batch, head, token, element]. */
  private String heads(String x, long count, @Nullable String norm) {
    String heads = graph.add("Reshape", List.of(x, graph.integers(0, 0, count, config.headDim())));
    String normed = norm == null ? heads : norm(heads, norm, config.headDim());
    return graph.add("Transpose", List.of(normed), attribute("perm", new long[] {0, 2, 1, 3}));
  }
}

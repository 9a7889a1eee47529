package io.parq.torch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Turns config.json into a {@link ModelConfig}. */
final class ConfigReader {
  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";

  private final Family family;
  private final JsonFields config;

  private ConfigReader(Family family, JsonFields config) {
    this.family = family;
    this.config = config;
  }

  static ModelConfig read(JsonFields file) {
    // Weights of torchao are decoded when they are read, and are like any others then.
    String method = file.node().path("quantization_config").path("quant_method").asText();
    if (method.equals("torchao")) {
      file.node().remove("quantization_config");
    }
    if (!"gemma3".equals(file.text("model_type"))) {
      Family family = Family.of(file);
      return new ConfigReader(family, file.withDefaults(defaults(family))).read();
    }
    file.reject("quantization_config");
    JsonFields text = file.object("text_config");
    if (text == null) {
      throw file.error("text_config", "an object");
    }
    JsonFields whole = text.withDefaults(defaults(Family.GEMMA3));
    ObjectNode node = whole.node();
    node.put("model_type", Family.GEMMA3.modelType());
    for (String shared :
        List.of("bos_token_id", "eos_token_id", "pad_token_id", "dtype", "torch_dtype")) {
      JsonNode value = file.node().get(shared);
      if (value != null && !node.has(shared)) {
        node.set(shared, value);
      }
    }
    if (!node.has("tie_word_embeddings")) {
      node.put("tie_word_embeddings", file.flag("tie_word_embeddings", true));
    }
    return new ConfigReader(Family.GEMMA3, whole).read();
  }

  /** What transformers assumes where a config.json of the family is silent. */
  private static Map<String, Object> defaults(Family family) {
    return switch (family) {
      case LLAMA -> Map.of("rms_norm_eps", 1e-6);
      case QWEN2 -> Map.of("rms_norm_eps", 1e-6, "max_window_layers", 28);
      case QWEN3 -> Map.of("rms_norm_eps", 1e-6, "max_window_layers", 28, "head_dim", 128);
      case PHI3 ->
          Map.of(
              "rms_norm_eps", 1e-5,
              "max_position_embeddings", 4096,
              "original_max_position_embeddings", 4096);
      case GEMMA3 ->
          Map.ofEntries(
              Map.entry("vocab_size", 262208),
              Map.entry("hidden_size", 2304),
              Map.entry("intermediate_size", 9216),
              Map.entry("num_hidden_layers", 26),
              Map.entry("num_attention_heads", 8),
              Map.entry("num_key_value_heads", 4),
              Map.entry("head_dim", 256),
              Map.entry("max_position_embeddings", 131072),
              Map.entry("rms_norm_eps", 1e-6),
              Map.entry("tie_word_embeddings", true),
              Map.entry("query_pre_attn_scalar", 256),
              Map.entry("sliding_window", 4096),
              Map.entry("sliding_window_pattern", 6));
    };
  }

  private ModelConfig read() {
    rejectUnsupported();
    ActivationConfig unused = ActivationConfig.of(config); // checked now, read when it is asked for
    int heads = config.integer("num_attention_heads");
    int hidden = config.integer("hidden_size");
    int headDim = headDim(hidden, heads);
    int layers = config.integer("num_hidden_layers");
    RopeReader ropes = new RopeReader(family, config, headDim);
    boolean bias =
        family == Family.QWEN2 || (family != Family.PHI3 && config.flag("attention_bias", false));
    double scaled = family == Family.GEMMA3 ? config.positive("query_pre_attn_scalar") : headDim;
    return new ModelConfig(
        family,
        config.integer("vocab_size"),
        hidden,
        config.integer("intermediate_size"),
        layers,
        heads,
        config.integer("num_key_value_heads", heads),
        headDim,
        config.integer("max_position_embeddings"),
        config.positive("rms_norm_eps"),
        1 / Math.sqrt(scaled),
        bias,
        bias && family != Family.QWEN2,
        family == Family.LLAMA && config.flag("mlp_bias", false),
        config.flag("tie_word_embeddings", false),
        windows(layers),
        ropes.global(),
        ropes.local(),
        config.positive("initializer_range", 0.02),
        json());
  }

  private void rejectUnsupported() {
    config.reject("quantization_config");
    if (family == Family.GEMMA3) {
      config.require("hidden_activation", "gelu_pytorch_tanh");
      config.reject("final_logit_softcapping");
      config.reject("attn_logit_softcapping");
      config.require("use_bidirectional_attention", false);
    } else {
      config.require("hidden_act", "silu");
    }
    for (String dropout : List.of("attention_dropout", "resid_pdrop", "embd_pdrop")) {
      config.require(dropout, 0);
    }
    if (family == Family.PHI3) {
      config.require("attention_bias", false);
      config.require("mlp_bias", false);
      config.require("lm_head_bias", false);
    }
  }

  private int headDim(int hidden, int heads) {
    if (config.has("head_dim")) {
      return config.integer("head_dim");
    }
    if (hidden % heads != 0) {
      throw config.error("hidden_size", "a multiple of num_attention_heads, " + heads);
    }
    return hidden / heads;
  }

  private List<Integer> windows(int layers) {
    return switch (family) {
      case LLAMA -> Collections.nCopies(layers, 0);
      case PHI3 -> Collections.nCopies(layers, config.integer("sliding_window", 0));
      case QWEN2, QWEN3 -> {
        boolean sliding = config.flag("use_sliding_window", false) && config.has("sliding_window");
        int full = sliding ? config.atLeast(0, "max_window_layers") : layers;
        yield windows(layers, i -> i >= full, sliding);
      }
      case GEMMA3 -> {
        int pattern = config.integer("sliding_window_pattern");
        yield windows(layers, i -> (i + 1) % pattern != 0, true);
      }
    };
  }

  /** From {@code layer_types} where it is given, otherwise by the rule. */
  private List<Integer> windows(int layers, IntPredicate rule, boolean allowed) {
    int window = allowed ? config.integer("sliding_window") : 0;
    IntPredicate sliding = config.has("layer_types") ? layerTypes(layers, allowed) : rule;
    return IntStream.range(0, layers).map(i -> sliding.test(i) ? window : 0).boxed().toList();
  }

  private IntPredicate layerTypes(int layers, boolean allowed) {
    List<String> known = allowed ? List.of(FULL, SLIDING) : List.of(FULL);
    List<String> types =
        config.list("layer_types", layers, "texts").stream().map(JsonNode::textValue).toList();
    if (!known.containsAll(types)) {
      throw config.error("layer_types", "only " + known);
    }
    return i -> types.get(i).equals(SLIDING);
  }

  /** Weights are single precision from here on. */
  private String json() {
    ObjectNode node = config.node().deepCopy();
    node.putArray("architectures").add(family.architecture());
    for (String key : List.of("dtype", "torch_dtype")) {
      if (node.has(key)) {
        node.put(key, "float32");
      }
    }
    return node.toPrettyString() + "\n";
  }
}

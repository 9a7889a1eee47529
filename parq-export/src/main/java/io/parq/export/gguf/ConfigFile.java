package io.parq.export.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.model.Family;
import io.parq.export.model.RopeScaling;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes config.json from a header.
 *
 * <p>Source: llama.cpp's {@code src/models/}, for what a file does not say.
 */
final class ConfigFile {
  private static final String EMBEDDING = "token_embd.weight";
  private static final String FIRST_LAYER = "blk.0.";

  /** Every sixth layer of Gemma sees all tokens. */
  private static final int GEMMA_PATTERN = 6;

  private final Family family;
  private final Values values;
  private final Map<String, Header.Entry> tensors = new HashMap<>();
  private final Map<String, List<Float>> small;

  /**
   * Views a header.
   *
   * @throws IllegalArgumentException if the architecture is none that is known
   */
  ConfigFile(Header header, Map<String, List<Float>> small) {
    Object name = header.metadata().get("general.architecture");
    Family known = Architecture.ofName(name);
    if (known == null) {
      throw new IllegalArgumentException(
          "general.architecture: %s, expected one of %s"
              .formatted(name == null ? "missing" : name, Arrays.toString(Family.values())));
    }
    family = known;
    values = new Values(header.metadata(), family + ".");
    header.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    this.small = small;
  }

  /**
   * Makes it.
   *
   * @throws IllegalArgumentException if a value is missing or not supported
   */
  ObjectNode json() {
    Header.Entry embedding = tensors.get(EMBEDDING);
    if (embedding == null) {
      throw new IllegalArgumentException(
          "tensor '%s': not found, expected one of %d tensors"
              .formatted(EMBEDDING, tensors.size()));
    }
    if (values.has("expert_count") && !Long.valueOf(0).equals(values.get("expert_count"))) {
      throw values.error("expert_count", "0: mixtures of experts are not supported");
    }
    long heads = values.number("attention.head_count");
    long hidden = values.number("embedding_length");
    long headDim = values.number("attention.key_length", hidden / heads);
    long layers = values.number("block_count");
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.putArray("architectures").add(family.architecture());
    json.put("model_type", family.modelType());
    json.put("vocab_size", embedding.rows());
    json.put("hidden_size", hidden);
    json.put("intermediate_size", values.number("feed_forward_length"));
    json.put("num_hidden_layers", layers);
    json.put("num_attention_heads", heads);
    json.put("num_key_value_heads", values.number("attention.head_count_kv", heads));
    json.put("head_dim", headDim);
    json.put("max_position_embeddings", values.number("context_length"));
    json.put("rms_norm_eps", values.real("attention.layer_norm_rms_epsilon"));
    json.put("tie_word_embeddings", !tensors.containsKey("output.weight"));
    if (family != Family.QWEN2 && family != Family.PHI3) {
      json.put("attention_bias", tensors.containsKey(FIRST_LAYER + "attn_q.bias"));
    }
    if (family == Family.LLAMA) {
      json.put("mlp_bias", tensors.containsKey(FIRST_LAYER + "ffn_gate.bias"));
    }
    putWindows(
        json, (int) layers, layers == DecoderMetadata.GEMMA_27B_LAYERS ? hidden / heads : headDim);
    putRope(json, headDim);
    putActivations(json);
    return json;
  }

  private void putActivations(ObjectNode json) {
    Values own = new Values(values.metadata(), "");
    if (own.has(DecoderMetadata.ACTIVATIONS)) {
      ObjectNode parq = json.putObject("parq");
      parq.put("activations", own.text(DecoderMetadata.ACTIVATIONS, ""));
      if (own.has(DecoderMetadata.EXCEPT)) {
        ArrayNode except = parq.putArray("modules_to_not_convert");
        own.list(DecoderMetadata.EXCEPT, String.class).forEach(except::add);
      }
    }
  }

  private void putWindows(ObjectNode json, int layers, long gemmaScalar) {
    long window = values.get("attention.sliding_window") instanceof Long found ? found : 0;
    if (family == Family.PHI3 && window > 0) {
      json.put("sliding_window", window);
    }
    if (family != Family.GEMMA3) {
      return;
    }
    json.put("hidden_activation", "gelu_pytorch_tanh");
    json.put("query_pre_attn_scalar", gemmaScalar);
    json.put("sliding_window", Math.max(1, window));
    ArrayNode types = json.putArray("layer_types");
    for (int i = 0; i < layers; i++) {
      types.add(window > 0 && isLocal(i, layers) ? "sliding_attention" : "full_attention");
    }
  }

  private boolean isLocal(int layer, int layers) {
    String key = "attention.sliding_window_pattern";
    if (!(values.get(key) instanceof List<?>)) {
      return (layer + 1) % values.number(key, GEMMA_PATTERN) != 0;
    }
    List<Boolean> flags = values.list(key, Boolean.class);
    if (flags.size() != layers) {
      throw values.error(key, "one flag for each of %d layers".formatted(layers));
    }
    return flags.get(layer);
  }

  private void putRope(ObjectNode json, long headDim) {
    long dimension = values.number("rope.dimension_count", headDim);
    json.put("rope_theta", values.real("rope.freq_base", 10_000));
    if (family == Family.GEMMA3) {
      json.put("rope_local_base_freq", values.real("rope.freq_base_swa", 10_000));
    }
    if (dimension != headDim) {
      if (family != Family.PHI3) {
        throw values.error("rope.dimension_count", "%d, all of a head".formatted(headDim));
      }
      json.put("partial_rotary_factor", (double) dimension / headDim);
    }
    ObjectNode scaling = JsonNodeFactory.instance.objectNode();
    if (small.containsKey("rope_freqs.weight")) {
      putFactors(json, scaling, "rope_freqs.weight", "rope_freqs.weight");
    } else if (small.containsKey("rope_factors_long.weight")) {
      putFactors(json, scaling, "rope_factors_short.weight", "rope_factors_long.weight");
    } else {
      putScaling(json, scaling);
    }
    if (!scaling.isEmpty()) {
      json.set("rope_scaling", scaling);
    }
  }

  /** A divisor for each pair; those of llama 3 do not depend on the length. */
  private void putFactors(ObjectNode json, ObjectNode scaling, String within, String beyond) {
    scaling.put("rope_type", "longrope");
    small.getOrDefault(within, List.of()).forEach(scaling.putArray("short_factor")::add);
    small.getOrDefault(beyond, List.of()).forEach(scaling.putArray("long_factor")::add);
    scaling.put("attention_factor", values.real("rope.scaling.attn_factor", 1));
    putOriginalLength(json, scaling);
  }

  private void putScaling(ObjectNode json, ObjectNode scaling) {
    String type =
        values.text("rope.scaling.type", values.has("rope.scale_linear") ? "linear" : "none");
    switch (type) {
      case "none" -> {}
      case "linear" -> {
        String key =
            values.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
        scaling.put("rope_type", type).put("factor", values.real(key));
      }
      case "yarn" -> {
        double factor = values.real("rope.scaling.factor");
        scaling.put("rope_type", type).put("factor", factor);
        scaling.put("beta_fast", values.real("rope.scaling.yarn_beta_fast", 32));
        scaling.put("beta_slow", values.real("rope.scaling.yarn_beta_slow", 1));
        scaling.put(
            "attention_factor",
            RopeScaling.Yarn.usualMagnitude(factor) * values.real("rope.scaling.attn_factor", 1));
        putOriginalLength(json, scaling);
      }
      default -> throw values.error("rope.scaling.type", "none, linear, yarn or longrope factors");
    }
  }

  private void putOriginalLength(ObjectNode json, ObjectNode scaling) {
    String key = "rope.scaling.original_context_length";
    if (values.has(key)) {
      scaling.put("original_max_position_embeddings", values.number(key));
      if (family == Family.PHI3) {
        json.put("original_max_position_embeddings", values.number(key));
      }
    }
  }
}

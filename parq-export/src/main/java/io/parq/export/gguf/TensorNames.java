package io.parq.export.gguf;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Hugging Face's names of tensors and GGUF's, in both directions. */
final class TensorNames {
  private static final Pattern MODEL_LAYER =
      Pattern.compile("model\\.layers\\.(\\d+)\\.(.+)\\.(weight|bias)");
  private static final Pattern FILE_LAYER = Pattern.compile("blk\\.(\\d+)\\.(.+)\\.(weight|bias)");

  private static final Map<String, String> GLOBAL =
      Map.of(
          "model.embed_tokens.weight", "token_embd.weight",
          "model.norm.weight", "output_norm.weight",
          "lm_head.weight", "output.weight");

  private static final Map<String, String> SHARED =
      Map.ofEntries(
          Map.entry("input_layernorm", "attn_norm"),
          Map.entry("self_attn.o_proj", "attn_output"),
          Map.entry("mlp.down_proj", "ffn_down"));

  private static final Map<String, String> SPLIT =
      Map.of(
          "self_attn.q_proj", "attn_q",
          "self_attn.k_proj", "attn_k",
          "self_attn.v_proj", "attn_v",
          "mlp.gate_proj", "ffn_gate",
          "mlp.up_proj", "ffn_up");

  private static final Map<String, String> FUSED =
      Map.of("self_attn.qkv_proj", "attn_qkv", "mlp.gate_up_proj", "ffn_up");

  private static final Map<String, String> HEAD_NORMS =
      Map.of("self_attn.q_norm", "attn_q_norm", "self_attn.k_norm", "attn_k_norm");

  private static final Map<String, String> TWO_NORMS =
      Map.of("post_attention_layernorm", "ffn_norm");

  private static final Map<String, String> FOUR_NORMS =
      Map.of(
          "post_attention_layernorm", "post_attention_norm",
          "pre_feedforward_layernorm", "ffn_norm",
          "post_feedforward_layernorm", "post_ffw_norm");

  private final Map<String, String> toFile = new HashMap<>(SHARED);
  private final Map<String, String> toModel = new HashMap<>();

  TensorNames(Architecture architecture) {
    toFile.putAll(architecture == Architecture.PHI3 ? FUSED : SPLIT);
    toFile.putAll(architecture == Architecture.GEMMA3 ? FOUR_NORMS : TWO_NORMS);
    if (architecture == Architecture.QWEN3 || architecture == Architecture.GEMMA3) {
      toFile.putAll(HEAD_NORMS);
    }
    toFile.forEach((model, file) -> toModel.put(file, model));
  }

  /** GGUF's name, or null if the architecture has no such tensor. */
  @Nullable String toFile(String name) {
    String global = GLOBAL.get(name);
    Matcher layer = MODEL_LAYER.matcher(name);
    if (global != null || !layer.matches()) {
      return global;
    }
    String module = toFile.get(layer.group(2));
    return module == null ? null : "blk." + layer.group(1) + "." + module + "." + layer.group(3);
  }

  /** Hugging Face's name, or null if this is none that is known. */
  @Nullable String toModel(String name) {
    for (Map.Entry<String, String> entry : GLOBAL.entrySet()) {
      if (entry.getValue().equals(name)) {
        return entry.getKey();
      }
    }
    Matcher layer = FILE_LAYER.matcher(name);
    if (!layer.matches()) {
      return null;
    }
    String module = toModel.get(layer.group(2));
    return module == null
        ? null
        : "model.layers." + layer.group(1) + "." + module + "." + layer.group(3);
  }
}

package io.parq.export.gguf;

import io.parq.export.model.ActivationConfig;
import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What llama.cpp has to know of a decoder. What it would compute otherwise than the model was
 * trained is refused.
 *
 * <p>Source: llama.cpp's {@code conversion/} and {@code src/models/}.
 */
final class DecoderMetadata {
  private static final System.Logger LOG = System.getLogger(DecoderMetadata.class.getName());

  /** Layers of the only gemma whose queries llama.cpp scales by hidden size and heads. */
  static final int GEMMA_27B_LAYERS = 62;

  /** How inputs of linear layers are quantized. */
  static final String ACTIVATIONS = "parq.activations";

  /** The linear layers whose inputs are not. */
  static final String EXCEPT = "parq.modules_to_not_convert";

  private DecoderMetadata() {}

  /**
   * Checks what llama.cpp takes for granted.
   *
   * @throws IllegalArgumentException if it is otherwise
   */
  static void check(ModelConfig config) {
    boolean fixed = config.family() == Family.QWEN2 || config.family() == Family.PHI3;
    int expected = config.hiddenSize() / config.heads();
    if (fixed && config.headDim() * config.heads() != config.hiddenSize()) {
      throw new IllegalArgumentException(
          "head_dim: %d, expected %d, which is hidden_size / num_attention_heads, in llama.cpp's %s"
              .formatted(config.headDim(), expected, config.family()));
    }
    if (config.family() == Family.GEMMA3) {
      int scalar = config.layers() == GEMMA_27B_LAYERS ? expected : config.headDim();
      if (config.attentionScale() != 1 / Math.sqrt(scalar)) {
        throw new IllegalArgumentException(
            "query_pre_attn_scalar: %s, expected %d, which llama.cpp divides by"
                .formatted((float) Math.pow(config.attentionScale(), -2), scalar));
      }
    }
  }

  static void put(ModelConfig config, Metadata metadata) {
    putActivations(config.activations(), metadata);
    String prefix = config.family() + ".";
    metadata.put(prefix + "vocab_size", config.vocabSize());
    metadata.put(prefix + "context_length", config.maxPositions());
    metadata.put(prefix + "embedding_length", config.hiddenSize());
    metadata.put(prefix + "block_count", config.layers());
    metadata.put(prefix + "feed_forward_length", config.intermediateSize());
    String attention = prefix + "attention.";
    metadata.put(attention + "head_count", config.heads());
    metadata.put(attention + "head_count_kv", config.keyValueHeads());
    metadata.put(attention + "key_length", config.headDim());
    metadata.put(attention + "value_length", config.headDim());
    metadata.put(attention + "layer_norm_rms_epsilon", (float) config.normEpsilon());
    putWindows(config, metadata, attention);
  }

  /** How the model was trained, for readers that know it; llama.cpp has its own way. */
  private static void putActivations(@Nullable ActivationConfig activations, Metadata metadata) {
    if (activations != null) {
      metadata.put(ACTIVATIONS, activations.quantization().toString());
      if (!activations.except().isEmpty()) {
        metadata.putTexts(EXCEPT, List.copyOf(activations.except()));
      }
    }
  }

  private static void putWindows(ModelConfig config, Metadata metadata, String attention) {
    List<Integer> windows = config.windows();
    int window = Collections.max(windows);
    if (window > 0 || config.family() == Family.PHI3) {
      metadata.put(attention + "sliding_window", window);
    }
    if (window == 0) {
      return;
    }
    if (config.family() == Family.GEMMA3) {
      metadata.putFlags(
          attention + "sliding_window_pattern", windows.stream().map(w -> w > 0).toList());
    } else {
      LOG.log(
          System.Logger.Level.WARNING,
          "llama.cpp has no sliding window for {0}: beyond {1} tokens it computes something else",
          config.family(),
          window);
    }
  }
}

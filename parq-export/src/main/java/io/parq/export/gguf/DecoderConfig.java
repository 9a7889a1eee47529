package io.parq.export.gguf;

import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * What llama.cpp has to know of a decoder, from its config.json. What it would compute otherwise
 * than the model was trained is refused.
 *
 * <p>Source: llama.cpp's {@code conversion/} and {@code src/models/}.
 */
final class DecoderConfig {
  private static final System.Logger LOG = System.getLogger(DecoderConfig.class.getName());

  /** Layers of the only gemma whose queries llama.cpp scales by hidden size and heads. */
  private static final int GEMMA_27B_LAYERS = 62;

  private final Architecture architecture;
  private final HfConfig config;
  private final int layers;
  private final int hidden;
  private final int heads;
  private final int headDim;
  private final RopeScaling rope;

  DecoderConfig(HfConfig file) {
    this.architecture = Architecture.ofModelType(file.text("model_type"));
    this.config = file.withDefaults(defaults(architecture));
    this.layers = config.integer("num_hidden_layers");
    this.hidden = config.integer("hidden_size");
    this.heads = config.integer("num_attention_heads");
    this.headDim = config.integer("head_dim", hidden / heads);
    this.rope = new RopeScaling(architecture, config, headDim);
    check();
  }

  /** What transformers assumes where a config.json is silent. */
  private static Map<String, Object> defaults(Architecture architecture) {
    return switch (architecture) {
      case LLAMA -> Map.of("rms_norm_eps", 1e-6);
      case QWEN2 -> Map.of("rms_norm_eps", 1e-6, "max_window_layers", 28);
      case QWEN3 -> Map.of("rms_norm_eps", 1e-6, "max_window_layers", 28, "head_dim", 128);
      case PHI3 -> Map.of("rms_norm_eps", 1e-5, "max_position_embeddings", 4096);
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
              Map.entry("query_pre_attn_scalar", 256),
              Map.entry("sliding_window", 4096),
              Map.entry("sliding_window_pattern", 6));
    };
  }

  private void check() {
    boolean free = architecture == Architecture.LLAMA || architecture == Architecture.QWEN3;
    if (headDim * heads != hidden && !free && architecture != Architecture.GEMMA3) {
      throw config.error(
          "head_dim", "hidden_size / num_attention_heads in llama.cpp's " + architecture);
    }
    if (architecture == Architecture.GEMMA3) {
      double scalar = config.number("query_pre_attn_scalar");
      int expected = layers == GEMMA_27B_LAYERS ? hidden / heads : headDim;
      if (scalar != expected) {
        throw config.error("query_pre_attn_scalar", expected + ", which llama.cpp divides by");
      }
      for (String capping : List.of("final_logit_softcapping", "attn_logit_softcapping")) {
        if (config.has(capping)) {
          throw config.error(capping, "null");
        }
      }
    }
  }

  Architecture architecture() {
    return architecture;
  }

  int headDim() {
    return headDim;
  }

  int vocabSize() {
    return config.integer("vocab_size");
  }

  /** Tensors of the file that the model does not have; after {@link #put}. */
  Map<String, List<Float>> tensors() {
    return rope.tensors();
  }

  void put(Metadata metadata) {
    String prefix = architecture + ".";
    metadata.put(prefix + "vocab_size", vocabSize());
    metadata.put(prefix + "context_length", config.integer("max_position_embeddings"));
    metadata.put(prefix + "embedding_length", hidden);
    metadata.put(prefix + "block_count", layers);
    metadata.put(prefix + "feed_forward_length", config.integer("intermediate_size"));
    String attention = prefix + "attention.";
    metadata.put(attention + "head_count", heads);
    metadata.put(attention + "head_count_kv", config.integer("num_key_value_heads", heads));
    metadata.put(attention + "key_length", headDim);
    metadata.put(attention + "value_length", headDim);
    metadata.put(attention + "layer_norm_rms_epsilon", (float) config.number("rms_norm_eps"));
    putWindows(metadata, attention);
    rope.put(metadata);
  }

  private void putWindows(Metadata metadata, String attention) {
    List<Boolean> sliding = sliding();
    if (!sliding.contains(true)) {
      if (architecture == Architecture.PHI3) {
        metadata.put(attention + "sliding_window", 0);
      }
      return;
    }
    int window = config.integer("sliding_window");
    metadata.put(attention + "sliding_window", window);
    if (architecture == Architecture.GEMMA3) {
      metadata.putFlags(attention + "sliding_window_pattern", sliding);
    } else {
      LOG.log(
          System.Logger.Level.WARNING,
          "llama.cpp has no sliding window for {0}: beyond {1} tokens it computes something else",
          architecture,
          window);
    }
  }

  /** Which layers have a window, by the rules of transformers. */
  private List<Boolean> sliding() {
    return switch (architecture) {
      case LLAMA -> rule(_ -> false);
      case PHI3 -> rule(_ -> config.has("sliding_window"));
      case QWEN2, QWEN3 -> {
        boolean on = config.flag("use_sliding_window", false) && config.has("sliding_window");
        int full = on ? config.atLeast(0, "max_window_layers") : layers;
        yield on ? listed(i -> i >= full) : rule(_ -> false);
      }
      case GEMMA3 -> listed(i -> (i + 1) % config.integer("sliding_window_pattern") != 0);
    };
  }

  private List<Boolean> listed(IntPredicate otherwise) {
    if (!config.has("layer_types")) {
      return rule(otherwise);
    }
    List<String> types = config.texts("layer_types");
    if (types.size() != layers) {
      throw config.error("layer_types", "%d texts".formatted(layers));
    }
    return rule(i -> types.get(i).equals("sliding_attention"));
  }

  private List<Boolean> rule(IntPredicate rule) {
    return IntStream.range(0, layers).mapToObj(rule::test).toList();
  }
}

package io.parq.torch.train;

import io.parq.export.model.ModelConfig;

/** Configurations of decoders in the manner of Qwen2. */
final class SmallModels {
  private SmallModels() {}

  static ModelConfig config(
      int layers, int hidden, int inner, int heads, int keyHeads, int vocabulary, boolean tied) {
    return ModelConfig.parse(
        """
        {"model_type": "qwen2", "hidden_act": "silu", "vocab_size": %d, "hidden_size": %d,
         "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d,
         "num_key_value_heads": %d, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6,
         "rope_theta": 10000.0, "tie_word_embeddings": %b, "initializer_range": 0.02}
        """
            .formatted(vocabulary, hidden, inner, layers, heads, keyHeads, tied));
  }
}

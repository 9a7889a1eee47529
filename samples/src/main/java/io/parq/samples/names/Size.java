package io.parq.samples.names;

import io.parq.export.model.ModelConfig;
import java.util.Locale;

/**
 * What the model looks like and how long it is trained. Its tokens are bytes, and its head is its
 * embedding.
 *
 * @param layers number of layers
 * @param width elements of a token between layers, a multiple of twice the heads
 * @param feedForward elements of a token within the feed-forward part
 * @param heads attention heads
 * @param context bytes in a sequence
 * @param batch sequences in a batch
 * @param baseSteps steps of the base
 * @param tuneSteps steps of each model that starts from the base
 * @param scoredNames most held-out names to score models on
 */
public record Size(
    int layers,
    int width,
    int feedForward,
    int heads,
    int context,
    int batch,
    int baseSteps,
    int tuneSteps,
    int scoredNames) {
  /** The study's: a base of about two minutes on two cores. */
  public static final Size DEFAULT = new Size(2, 256, 768, 4, 128, 16, 590, 200, Integer.MAX_VALUE);

  /** The demo's: the same model, trained and scored for a shorter time. */
  public static final Size QUICK = new Size(2, 256, 768, 4, 128, 16, 480, 160, 1000);

  /** Number of byte values. */
  static final int VOCABULARY = 256;

  /** Checks the numbers. */
  public Size {
    int least = Math.min(Math.min(layers, feedForward), Math.min(context, batch));
    if (least < 1 || heads < 1 || width < 1 || width % (2 * heads) != 0) {
      throw new IllegalArgumentException(
          "%d layers, width %d, feed-forward %d, %d heads, context %d, batch %d: expected at least 1 each, and a width that is a multiple of twice the heads"
              .formatted(layers, width, feedForward, heads, context, batch));
    }
    if (baseSteps < 1 || tuneSteps < 1 || scoredNames < 1) {
      throw new IllegalArgumentException(
          "%d base steps, %d tuning steps, %d names to score: expected at least 1 each"
              .formatted(baseSteps, tuneSteps, scoredNames));
    }
  }

  /** The model's configuration, of the Llama family. */
  ModelConfig model() {
    return ModelConfig.parse(
        String.format(
            Locale.ROOT,
            """
            {
              "model_type": "llama",
              "vocab_size": %d,
              "hidden_size": %d,
              "intermediate_size": %d,
              "num_hidden_layers": %d,
              "num_attention_heads": %d,
              "num_key_value_heads": %d,
              "max_position_embeddings": %d,
              "hidden_act": "silu",
              "rms_norm_eps": 1e-6,
              "rope_theta": 10000.0,
              "attention_bias": false,
              "mlp_bias": false,
              "tie_word_embeddings": true,
              "initializer_range": 0.05,
              "bos_token_id": null,
              "eos_token_id": 255,
              "torch_dtype": "float32"
            }
            """,
            VOCABULARY,
            width,
            feedForward,
            layers,
            heads,
            heads,
            context));
  }
}

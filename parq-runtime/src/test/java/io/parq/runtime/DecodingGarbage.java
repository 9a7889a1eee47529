package io.parq.runtime;

import com.sun.management.ThreadMXBean;
import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;

/** Prints how many bytes of garbage a decoded token leaves in a layer, once loops are compiled. */
final class DecodingGarbage {
  private static final int LAYERS = 2;

  /** Tokens that are measured together; the cache grows in between. */
  private static final int TOKENS = 8;

  private static final int LENGTH = 256;
  private static final int ROUNDS = 200;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private DecodingGarbage() {}

  /**
   * Runs.
   *
   * @param args how weights and inputs are quantized, and how few bytes are few enough
   */
  public static void main(String[] args) throws IOException {
    QuantConfig weights = QuantConfig.parse(args[0]);
    Decoder decoder =
        new Decoder(new LayerReader(config(args[1]), new RandomWeights(weights, weights), false));
    int[] ids = new int[LENGTH];
    float[] logits = new float[decoder.config().vocabSize()];
    long enough = Long.parseLong(args[2]);
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least > LAYERS * enough; round++) {
      KeyValueCache cache = decoder.newCache();
      for (int to = TOKENS; to <= LENGTH; to += TOKENS) {
        long before = THREADS.getTotalThreadAllocatedBytes();
        for (int length = to - TOKENS + 1; length <= to; length++) {
          decoder.refresh(cache, length);
          decoder.step(List.of(new Chunk(ids, length, length, cache, logits)));
        }
        least = Math.min(least, (THREADS.getTotalThreadAllocatedBytes() - before) / TOKENS);
      }
    }
    System.out.println(least / LAYERS);
  }

  private static ModelConfig config(String activations) {
    return ModelConfig.parse(
        """
        {"model_type": "llama", "hidden_size": 1024, "intermediate_size": 2048,
         "num_hidden_layers": %d, "num_attention_heads": 16, "num_key_value_heads": 4,
         "vocab_size": 4000, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true,
         "parq": {"activations": "%s"}}
        """
            .formatted(LAYERS, activations));
  }
}

package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A decoded token leaves next to no garbage, once loops are compiled. */
class DecodingGarbageTest {
  private static final int LAYERS = 2;

  /** Bytes for a layer of a token: small objects of seven products, but no array for one. */
  private static final long MOST = 12_000;

  /** Tokens that are measured together; the cache grows in between. */
  private static final int TOKENS = 8;

  private static final int LENGTH = 256;
  private static final int ROUNDS = 40;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @ParameterizedTest
  @CsvSource({
    "symmetric:4 group:32 bf16, int8-asym-per-token",
    "symmetric:4 group:32 bf16, ",
    "stretched:2 per-row fp32, int8-sym-per-token",
    "asymmetric:4 group:32 fp32, int8-asym-per-token",
    "symmetric:8 per-row fp32, fp8-e4m3-per-row",
    "nf4 group:64 fp32, int8-asym-per-token"
  })
  void tokensLeaveNoArrays(String weights, String activations) throws IOException {
    QuantConfig config = QuantConfig.parse(weights);
    Decoder decoder =
        new Decoder(new LayerReader(config(activations), new RandomWeights(config, config), false));
    int[] ids = new int[LENGTH];
    float[] logits = new float[decoder.config().vocabSize()];
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least > MOST * LAYERS; round++) {
      KeyValueCache cache = decoder.newCache();
      for (int length = TOKENS; length <= LENGTH; length += TOKENS) {
        long before = THREADS.getTotalThreadAllocatedBytes();
        for (int i = length - TOKENS + 1; i <= length; i++) {
          decoder.refresh(cache, i);
          decoder.step(List.of(new Chunk(ids, i, i, cache, logits)));
        }
        least = Math.min(least, (THREADS.getTotalThreadAllocatedBytes() - before) / TOKENS);
      }
    }
    assertTrue(least <= MOST * LAYERS, weights + ": " + least + " bytes a token");
  }

  private static ModelConfig config(String activations) {
    String inputs =
        activations == null ? "" : ", \"parq\": {\"activations\": \"%s\"}".formatted(activations);
    return ModelConfig.parse(
        """
        {"model_type": "llama", "hidden_size": 1024, "intermediate_size": 2048,
         "num_hidden_layers": %d, "num_attention_heads": 16, "num_key_value_heads": 4,
         "vocab_size": 4000, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true%s}
        """
            .formatted(LAYERS, inputs));
  }
}

package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import org.junit.jupiter.api.Test;

class SpeedTestTest {
  private static final ModelConfig CONFIG =
      ModelConfig.parse(
          """
          {"model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
           "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
           "vocab_size": 200, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
           "tie_word_embeddings": true, "hidden_act": "silu"}
          """);

  private static SpeedTest model(String layers) {
    return new SpeedTest(
        CONFIG, QuantConfig.parse(layers), QuantConfig.parse("symmetric:4 group:32 bf16"));
  }

  @Test
  void timesAreTaken() {
    SpeedTest.Times times = model("stretched:2 per-row fp32").run(3, 2);
    assertTrue(times.prefillNanos() > 0 && times.decodeNanos() > 0, times.toString());
    assertTrue(model("ternary per-row fp32").run(1, 0).prefillNanos() > 0);
  }

  @Test
  void fewerBitsTakeFewerBytes() {
    long two = model("stretched:2 per-row fp32").weightBytes();
    long three = model("stretched:3 per-row fp32").weightBytes();
    long four = model("symmetric:4 per-row fp32").weightBytes();
    assertTrue(two < three && three < four, two + ", " + three + ", " + four);
  }
}

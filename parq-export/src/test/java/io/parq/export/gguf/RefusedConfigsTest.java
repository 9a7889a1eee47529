package io.parq.export.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.MemoryModel;
import io.parq.export.ModelWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Decoders that llama.cpp would load, and compute something else. */
class RefusedConfigsTest {
  private static final String CONFIG =
      """
      {"vocab_size": 256, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
       "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
       "model_type": "%s", %s}
      """;

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          qwen2       | "head_dim": 16 | head_dim: 16, expected 8, which is hidden_size / num_attention_heads, in llama.cpp's qwen2
          phi3        | "head_dim": 4 | head_dim: 4, expected 8, which is hidden_size / num_attention_heads, in llama.cpp's phi3
          gemma3_text | "query_pre_attn_scalar": 24 | query_pre_attn_scalar: 24.0, expected 256, which llama.cpp divides by
          qwen2       | "rope_scaling": {"type": "yarn", "factor": 2, "truncate": false} | truncate: false, expected true for llama.cpp
          qwen3       | "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4} | rope_type: llama3, expected another type for llama.cpp's qwen3
          qwen2       | "rope_scaling": {"rope_type": "longrope", "short_factor": [1, 1, 1, 1], "long_factor": [2, 2, 2, 2]} | rope_type: longrope, expected another type for llama.cpp's qwen2
          gemma3_text | "rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2}} | rope_type: linear, expected default for layers with a window
          """)
  void nothingIsWritten(String type, String values, String message) throws IOException {
    Path out = folder.resolve("model.gguf");
    try (MemoryModel model = new MemoryModel(folder, CONFIG.formatted(type, values))) {
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class,
              () -> new GgufWriter().write(model, out, ModelWriter.Progress.NONE));
      assertEquals(message, error.getMessage());
      assertTrue(Files.notExists(out));
    }
  }
}

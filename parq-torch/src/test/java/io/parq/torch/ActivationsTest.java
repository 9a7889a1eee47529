package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.model.ActivationConfig;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.ParameterFilter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Decoders whose linear layers quantize their inputs. */
class ActivationsTest {
  private static final ActivationQuantization INT8 = ActivationQuantization.INT8_ASYM_PER_TOKEN;

  @TempDir private Path folder = Path.of("");

  private static TorchQuantOptimizer optimizer(
      CausalLm model, Map<ParameterFilter, QuantConfig> configs) {
    return TorchQuantOptimizer.builder(model)
        .base(groups -> new AdamW(groups, 1e-3))
        .quantize(configs)
        .build();
  }

  private static double largest(float[] a, float[] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(a[i] - b[i]));
    }
    return largest;
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama-biases", "phi3", "gemma3", "qwen3"})
  void logitsMoveALittleAndComeBack(String name) throws IOException {
    NamedTensors expected = Golden.expected(name);
    try (CausalLm model = CausalLm.load(Golden.folder(name))) {
      float[] exact = Golden.logits(model, expected);
      assertNull(model.config().activations());
      TorchQuantOptimizer optimizer =
          optimizer(model, Map.of(ParameterFilter.linear(), QuantConfig.of(8)));
      model.quantizeActivations(INT8, optimizer.groups());
      float[] rounded = Golden.logits(model, expected);
      double difference = largest(exact, rounded);
      assertTrue(difference > 1e-4 && difference < 1, name + ": " + difference);

      model.save(folder);
      try (CausalLm loaded = CausalLm.load(folder)) {
        assertEquals(model.config().activations(), loaded.config().activations());
        assertArrayEquals(rounded, Golden.logits(loaded, expected));
        loaded.keepActivations();
        assertArrayEquals(exact, Golden.logits(loaded, expected));
        assertFalse(loaded.config().json().contains("parq"));
      }
    }
  }

  @Test
  void onlyLayersWithQuantizedWeightsAreMeant() throws IOException {
    ParameterFilter values = ParameterFilter.named("*.v_proj.weight");
    try (CausalLm model = CausalLm.load(Golden.folder("llama"))) {
      TorchQuantOptimizer optimizer =
          optimizer(
              model,
              Map.of(
                  ParameterFilter.linear().and(values.or(ParameterFilter.named("lm_head.*")).not()),
                  QuantConfig.of(4)));
      model.quantizeActivations(INT8, optimizer.groups());
      ActivationConfig config = model.config().activations();
      assertNotNull(config);
      int layers = model.config().layers();
      assertEquals(layers + 1, config.except().size());
      assertTrue(config.except().contains("lm_head"));
      assertTrue(config.except().contains("model.layers.0.self_attn.v_proj"));
    }
  }

  @Test
  void tiedHeadsFollowTheEmbedding() throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder("qwen2"))) {
      TorchQuantOptimizer linear =
          optimizer(model, Map.of(ParameterFilter.linear(), QuantConfig.of(4)));
      model.quantizeActivations(INT8, linear.groups());
      ActivationConfig config = model.config().activations();
      assertNotNull(config);
      assertEquals(Set.of("lm_head"), config.except());
      TorchQuantOptimizer both =
          optimizer(
              model,
              Map.of(ParameterFilter.linear().or(ParameterFilter.embedding()), QuantConfig.of(4)));
      model.quantizeActivations(INT8, both.groups());
      config = model.config().activations();
      assertNotNull(config);
      assertEquals(Set.of(), config.except());
    }
  }

  @Test
  void theSharedInputIsThatOfEachLayer() throws IOException {
    // With the same input for all, rounding once or for each layer is the same.
    float[] once;
    float[] excepted;
    NamedTensors expected = Golden.expected("llama");
    try (CausalLm model = CausalLm.load(Golden.folder("llama"))) {
      TorchQuantOptimizer all =
          optimizer(model, Map.of(ParameterFilter.linear(), QuantConfig.of(4)));
      model.quantizeActivations(INT8, all.groups());
      once = Golden.logits(model, expected);
      TorchQuantOptimizer some =
          optimizer(model, Map.of(ParameterFilter.named("*.k_proj.weight"), QuantConfig.of(4)));
      model.quantizeActivations(INT8, some.groups());
      excepted = Golden.logits(model, expected);
    }
    assertFalse(Arrays.equals(once, excepted));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"activations\": \"int4\"}",
        "{\"activations\": 8}",
        "{\"activations\": \"int8-asym-per-token\", \"modules_to_not_convert\": [\"lm_haed\"]}",
        "{\"activations\": \"int8-asym-per-token\", \"modules_to_not_convert\": \"lm_head\"}",
        "[]"
      })
  void wrongConfigsAreNamed(String json) throws IOException {
    Golden.copy(Golden.folder("llama"), folder);
    Path file = folder.resolve("config.json");
    String config = Files.readString(file);
    Files.writeString(file, config.replaceFirst("\\{", "{\"parq\": " + json + ","));
    String message =
        assertThrows(Exception.class, () -> CausalLm.load(folder).close()).getMessage();
    assertTrue(message.startsWith(file + ": parq"), message);
    assertTrue(message.contains("expected"), message);
  }
}

package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.model.ModelConfig;
import io.parq.export.model.ModelFormatException;
import io.parq.export.model.Rope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ModelConfigTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  static List<String> models() {
    return Golden.MODELS;
  }

  private static ObjectNode json(String name) throws IOException {
    return (ObjectNode) JSON.readTree(Files.readString(Golden.folder(name).resolve("config.json")));
  }

  /** Without what only says where the values come from. */
  private static String comparable(ModelConfig config) {
    return config.toString().replaceAll("(?s), json=.*", "");
  }

  @ParameterizedTest
  @MethodSource("models")
  void bothSpellingsAndTheSavedJsonMeanTheSame(String name) throws IOException {
    Path folder = Golden.folder(name);
    ModelConfig config = ModelConfig.read(folder);
    ModelConfig old = ModelConfig.parse(Files.readString(folder.resolve("config.old.json")));
    assertEquals(comparable(config), comparable(old));
    assertEquals(config, ModelConfig.parse(config.json()));
  }

  @Test
  void gemmaPatternsAndRopes() throws IOException {
    ModelConfig config = ModelConfig.read(Golden.folder("gemma3"));
    assertEquals(List.of(8, 0, 8), config.windows());
    assertEquals("linear", config.rope(1).scaling().type());
    assertEquals(100_000, config.rope(1).theta());
    assertEquals(5_000, config.rope(2).theta());
    assertEquals(1 / Math.sqrt(24), config.attentionScale());
    assertTrue(config.tiedHead());
  }

  /** What the published folders of Gemma 3 leave out is what transformers assumes. */
  @Test
  void gemmaTextPartsMayBeShort() {
    ModelConfig config =
        ModelConfig.parse(
            """
            {"model_type": "gemma3", "eos_token_id": [1, 106], "torch_dtype": "bfloat16",
             "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
               "model_type": "gemma3_text", "num_hidden_layers": 34,
               "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}}
            """);
    assertEquals(262_208, config.vocabSize());
    assertEquals(256, config.headDim());
    assertEquals(List.of(1024, 1024, 1024, 1024, 1024, 0), config.windows().subList(0, 6));
    assertEquals(1_000_000, config.rope().theta());
    assertTrue(config.json().contains("106") && config.json().contains("float32"));
    assertEquals(config, ModelConfig.parse(config.json()));
  }

  @Test
  void longropeSwitchesBeyondTheOriginalLength() throws IOException {
    Rope rope = ModelConfig.read(Golden.folder("phi3-longrope")).rope();
    assertEquals(6, rope.dimension());
    assertEquals(rope.frequencies(1), rope.frequencies(32));
    assertNotEquals(rope.frequencies(32), rope.frequencies(33));
    assertEquals(rope.frequencies(33), rope.frequencies(1000));
    assertEquals(Math.sqrt(1 + Math.log(2) / Math.log(32)), rope.magnitude(), 1e-12);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          llama  | model_type              | "mistral" | model_type: "mistral", expected one of [llama, qwen2, qwen3, phi3, gemma3_text] or gemma3
          llama  | vocab_size              | null      | vocab_size: missing, expected an integer from 1 to 2147483647
          llama  | hidden_size             | 32.5      | hidden_size: 32.5, expected an integer from 1 to 2147483647
          llama  | num_key_value_heads     | 3         | num_attention_heads: 4, expected a multiple of num_key_value_heads, 3
          llama  | num_key_value_heads     | 0         | num_key_value_heads: 0, expected an integer from 1 to 2147483647
          llama  | hidden_act              | "gelu"    | hidden_act: "gelu", expected "silu"
          llama  | attention_dropout       | 0.1       | attention_dropout: 0.1, expected 0
          llama  | tie_word_embeddings     | "yes"     | tie_word_embeddings: "yes", expected true or false
          llama  | rms_norm_eps            | -1        | rms_norm_eps: -1, expected a positive number
          llama  | quantization_config     | {"a": 1}  | quantization_config: {"a":1}, expected null
          llama  | rope_parameters         | 3         | rope_parameters: 3, expected an object
          llama  | rope_parameters         | {"rope_type": "dynamic"} | rope_parameters.rope_type: "dynamic", expected one of default, linear, llama3, yarn, longrope
          llama  | rope_scaling            | {"type": "linear"} | rope_scaling.factor: missing, expected a positive number
          llama  | partial_rotary_factor   | 0.5       | partial_rotary_factor: 0.5, expected 1.0
          llama3 | rope_scaling            | {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1} | rope_scaling.high_freq_factor: 1, expected more than low_freq_factor, 4.0
          qwen2  | layer_types             | ["full_attention", "sliding_attention"] | layer_types: ["full_attention","sliding_attention"], expected only [full_attention]
          qwen2  | layer_types             | ["full_attention"] | layer_types: ["full_attention"], expected a list of 2 texts
          phi3   | rope_parameters         | {"rope_type": "linear", "factor": 2} | rope_parameters.rope_type: "linear", expected default or longrope
          phi3-longrope | rope_scaling     | {"type": "su", "short_factor": [1, 2], "long_factor": [1, 1, 1]} | rope_scaling.short_factor: [1,2], expected a list of 4 numbers
          phi3   | lm_head_bias            | true      | lm_head_bias: true, expected false
          gemma3 | final_logit_softcapping | 30.0      | final_logit_softcapping: 30.0, expected null
          gemma3 | attn_logit_softcapping  | 50.0      | attn_logit_softcapping: 50.0, expected null
          gemma3 | use_bidirectional_attention | true  | use_bidirectional_attention: true, expected false
          gemma3 | hidden_activation       | "silu"    | hidden_activation: "silu", expected "gelu_pytorch_tanh"
          gemma3 | layer_types             | ["a", "b", "c"] | layer_types: ["a","b","c"], expected only [full_attention, sliding_attention]
          gemma3-multimodal | text_config  | null      | text_config: missing, expected an object
          """)
  void errorsNameKeyValueAndExpectation(String name, String key, String value, String message)
      throws IOException {
    ObjectNode json = json(name);
    json.set(key, JSON.readTree(value));
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> ModelConfig.parse(json.toString()));
    assertEquals(message, error.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          [1]            | [1], expected a JSON object
          {"a": 1} {}    | not valid JSON
          {"a": 1, "a":2}| not valid JSON: Duplicate field 'a'
          {}             | model_type: missing, expected a text
          """)
  void textsThatAreNoConfigurationsAreErrors(String json, String message, @TempDir Path folder)
      throws IOException {
    Files.writeString(folder.resolve("config.json"), json);
    ModelFormatException error =
        assertThrows(ModelFormatException.class, () -> CausalLm.load(folder));
    assertTrue(error.getMessage().contains("config.json: " + message), error.getMessage());
  }

  /** Whatever is wrong with one value, it is either understood or an error that names its key. */
  @ParameterizedTest
  @MethodSource("models")
  void anyOddValueIsUnderstoodOrNamed(String name) throws IOException {
    List<String> odd =
        List.of("null", "-1", "0", "1e308", "\"x\"", "[]", "{}", "true", "2147483648", "[1,\"a\"]");
    ObjectNode original = json(name);
    List<String> keys = new ArrayList<>();
    original.fieldNames().forEachRemaining(keys::add);
    for (String key : keys) {
      for (String value : odd) {
        ObjectNode json = original.deepCopy();
        JsonNode node = JSON.readTree(value);
        json.set(key, node);
        try {
          ModelConfig.parse(json.toString());
        } catch (IllegalArgumentException e) {
          assertTrue(e.getMessage().contains(", expected "), key + ": " + value + ": " + e);
        }
      }
    }
  }
}

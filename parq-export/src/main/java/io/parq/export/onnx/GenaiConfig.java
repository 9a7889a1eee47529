package io.parq.export.onnx;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.model.ModelConfig;
import java.util.List;
import java.util.Locale;

/** The file that onnxruntime-genai looks for beside a decoder's graph. */
final class GenaiConfig {
  static final String FILE = "genai_config.json";

  private GenaiConfig() {}

  /** Describes the decoder that {@link DecoderGraph} builds. */
  static String of(ModelConfig config) {
    ObjectMapper mapper = new ObjectMapper();
    JsonNode json;
    try {
      json = mapper.readTree(config.json());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("config.json: " + e.getOriginalMessage(), e);
    }
    ObjectNode root = mapper.createObjectNode();
    ObjectNode model = root.putObject("model");
    model.put("type", config.family().modelType().toLowerCase(Locale.ROOT));
    for (String token : List.of("bos_token_id", "eos_token_id")) {
      if (json.hasNonNull(token)) {
        model.set(token, json.get(token));
      }
    }
    JsonNode end = json.path("eos_token_id");
    JsonNode pad = json.hasNonNull("pad_token_id") ? json.get("pad_token_id") : end;
    model.put("pad_token_id", (pad.isArray() ? pad.path(0) : pad).asInt(0));
    model.put("vocab_size", config.vocabSize());
    model.put("context_length", config.maxPositions());
    decoder(model.putObject("decoder"), config);
    ObjectNode search = root.putObject("search");
    search.put("max_length", config.maxPositions());
    // The graph gives out new keys and values; it does not write into the old ones.
    search.put("past_present_share_buffer", false);
    return root.toPrettyString() + "\n";
  }

  private static void decoder(ObjectNode decoder, ModelConfig config) {
    decoder.put("filename", OnnxWriter.GRAPH);
    decoder.putObject("session_options").putArray("provider_options");
    decoder.put("head_size", config.headDim());
    decoder.put("hidden_size", config.hiddenSize());
    decoder.put("num_attention_heads", config.heads());
    decoder.put("num_hidden_layers", config.layers());
    decoder.put("num_key_value_heads", config.keyValueHeads());
    ObjectNode inputs = decoder.putObject("inputs");
    for (String input : List.of("input_ids", "attention_mask", "position_ids")) {
      inputs.put(input, input);
    }
    inputs.put("past_key_names", "past_key_values.%d.key");
    inputs.put("past_value_names", "past_key_values.%d.value");
    ObjectNode outputs = decoder.putObject("outputs");
    outputs.put("logits", "logits");
    outputs.put("present_key_names", "present.%d.key");
    outputs.put("present_value_names", "present.%d.value");
  }
}

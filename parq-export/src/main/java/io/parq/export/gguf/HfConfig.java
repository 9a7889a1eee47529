package io.parq.export.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An object of a config.json, read key by key. A key whose value is null counts as absent. Errors
 * name file, key, what was found and what was expected.
 */
final class HfConfig {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private static final String FILE = "config.json";

  private final String place;
  private final JsonNode node;
  private final Map<String, Object> defaults;

  private HfConfig(String place, JsonNode node, Map<String, Object> defaults) {
    this.place = place;
    this.node = node;
    this.defaults = defaults;
  }

  static HfConfig of(JsonNode node) {
    return new HfConfig(FILE + ": ", node, Map.of());
  }

  /** Reads a JSON file of a folder, or returns an empty object if there is none. */
  static JsonNode json(Path folder, String name) throws IOException {
    Path file = folder.resolve(name);
    if (!Files.isRegularFile(file)) {
      return MAPPER.createObjectNode();
    }
    try {
      JsonNode node = MAPPER.readTree(Files.readString(file));
      if (!(node instanceof ObjectNode)) {
        throw new GgufException(file, "expected a JSON object");
      }
      return node;
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      GgufException error = new GgufException(file, "not valid JSON: " + e.getOriginalMessage());
      error.initCause(e);
      throw error;
    }
  }

  /** Reads config.json; of gemma3 its text part. */
  static HfConfig read(Path folder) throws IOException {
    HfConfig config = of(json(folder, FILE));
    if (config.has("text_config") && "gemma3".equals(config.text("model_type"))) {
      ObjectNode text = config.node.get("text_config").deepCopy();
      if (!text.hasNonNull("model_type")) {
        text.put("model_type", "gemma3_text");
      }
      return new HfConfig(FILE + ": text_config.", text, Map.of());
    }
    return config;
  }

  HfConfig withDefaults(Map<String, Object> values) {
    return new HfConfig(place, node, values);
  }

  boolean has(String key) {
    return node.hasNonNull(key) || defaults.containsKey(key);
  }

  private JsonNode value(String key) {
    return node.hasNonNull(key) ? node.get(key) : MAPPER.valueToTree(defaults.get(key));
  }

  IllegalArgumentException error(String key, String expected) {
    JsonNode found = value(key);
    return new IllegalArgumentException(
        "%s%s: %s, expected %s"
            .formatted(place, key, found == null || found.isNull() ? "missing" : found, expected));
  }

  int integer(String key) {
    return atLeast(1, key);
  }

  int atLeast(int least, String key) {
    JsonNode value = value(key);
    boolean whole = value != null && value.isIntegralNumber() && value.canConvertToInt();
    if (!whole || value.intValue() < least) {
      throw error(key, "an integer of at least " + least);
    }
    return value.intValue();
  }

  int integer(String key, int otherwise) {
    return has(key) ? integer(key) : otherwise;
  }

  double number(String key) {
    JsonNode value = value(key);
    if (value == null || !value.isNumber() || !(value.doubleValue() > 0)) {
      throw error(key, "a positive number");
    }
    return value.doubleValue();
  }

  double number(String key, double otherwise) {
    return has(key) ? number(key) : otherwise;
  }

  boolean flag(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!value(key).isBoolean()) {
      throw error(key, "true or false");
    }
    return value(key).booleanValue();
  }

  String text(String key) {
    JsonNode value = value(key);
    if (value == null || !value.isTextual()) {
      throw error(key, "a text");
    }
    return value.textValue();
  }

  @Nullable HfConfig object(String key) {
    if (!has(key)) {
      return null;
    }
    if (!value(key).isObject()) {
      throw error(key, "an object");
    }
    return new HfConfig(place + key + ".", value(key), Map.of());
  }

  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    for (JsonNode element : value(key)) {
      texts.add(element.asText());
    }
    return texts;
  }

  List<Double> numbers(String key, int length) {
    List<Double> numbers = new ArrayList<>();
    for (JsonNode element : value(key)) {
      if (!element.isNumber()) {
        throw error(key, "numbers");
      }
      numbers.add(element.doubleValue());
    }
    if (numbers.size() != length) {
      throw error(key, "%d numbers".formatted(length));
    }
    return numbers;
  }
}

package io.parq.export.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object read key by key; an error names the key, what was found and what was expected. A
 * key whose value is null counts as absent, and absent keys take the object's defaults.
 */
final class JsonFields {
  static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final ObjectNode node;
  private final String prefix;
  private final Map<String, Object> defaults;

  private JsonFields(ObjectNode node, String prefix, Map<String, Object> defaults) {
    this.node = node;
    this.prefix = prefix;
    this.defaults = defaults;
  }

  static JsonFields parse(String json) {
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not valid JSON: " + e.getOriginalMessage(), e);
    }
    if (!(root instanceof ObjectNode object)) {
      throw new IllegalArgumentException(shorten(root) + ", expected a JSON object");
    }
    return new JsonFields(object, "", Map.of());
  }

  /** The same object with other defaults. */
  JsonFields withDefaults(Map<String, Object> values) {
    return new JsonFields(node, prefix, values);
  }

  ObjectNode node() {
    return node;
  }

  boolean has(String key) {
    return node.hasNonNull(key) || defaults.containsKey(key);
  }

  private JsonNode value(String key) {
    JsonNode value = node.get(key);
    if (value == null || value.isNull()) {
      value = MAPPER.valueToTree(defaults.get(key));
    }
    return value;
  }

  IllegalArgumentException error(String key, String expected) {
    JsonNode found = value(key);
    return new IllegalArgumentException(
        "%s%s: %s, expected %s"
            .formatted(prefix, key, found.isNull() ? "missing" : shorten(found), expected));
  }

  private static String shorten(JsonNode found) {
    String text = found.toString();
    return text.length() <= 80 ? text : text.substring(0, 80) + "...";
  }

  int integer(String key) {
    return atLeast(1, key);
  }

  int atLeast(int least, String key) {
    JsonNode value = value(key);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < least) {
      throw error(key, "an integer from %d to %d".formatted(least, Integer.MAX_VALUE));
    }
    return value.intValue();
  }

  int integer(String key, int otherwise) {
    return has(key) ? integer(key) : otherwise;
  }

  double positive(String key) {
    JsonNode value = value(key);
    double number = value.doubleValue();
    if (!value.isNumber() || !(number > 0) || Double.isInfinite(number)) {
      throw error(key, "a positive number");
    }
    return number;
  }

  double positive(String key, double otherwise) {
    return has(key) ? positive(key) : otherwise;
  }

  boolean flag(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    JsonNode value = value(key);
    if (!value.isBoolean()) {
      throw error(key, "true or false");
    }
    return value.booleanValue();
  }

  String text(String key) {
    JsonNode value = value(key);
    if (!value.isTextual()) {
      throw error(key, "a text");
    }
    return value.textValue();
  }

  @Nullable JsonFields object(String key) {
    if (!has(key)) {
      return null;
    }
    if (!(value(key) instanceof ObjectNode object)) {
      throw error(key, "an object");
    }
    return new JsonFields(object, prefix + key + ".", Map.of());
  }

  /** A list of exactly so many values, each checked by its kind. */
  List<JsonNode> list(String key, int length, String kind) {
    JsonNode value = value(key);
    List<JsonNode> elements = new ArrayList<>();
    value.forEach(elements::add);
    boolean right =
        elements.stream().allMatch(e -> kind.equals("texts") ? e.isTextual() : e.isNumber());
    if (!value.isArray() || elements.size() != length || !right) {
      throw error(key, "a list of %d %s".formatted(length, kind));
    }
    return elements;
  }

  /** Fails unless the key is absent or has the only value that is supported. */
  void require(String key, Object supported) {
    if (has(key) && !matches(value(key), supported)) {
      throw error(key, String.valueOf(MAPPER.<JsonNode>valueToTree(supported)));
    }
  }

  private static boolean matches(JsonNode value, Object supported) {
    return switch (supported) {
      case Boolean flag -> value.isBoolean() && value.booleanValue() == flag;
      case Number number -> value.isNumber() && value.doubleValue() == number.doubleValue();
      default -> value.isTextual() && value.textValue().equals(supported);
    };
  }

  /** Fails if the key has a value. */
  void reject(String key) {
    if (has(key)) {
      throw error(key, "null");
    }
  }
}

package io.parq.export.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.grids.ActivationQuantization;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How the inputs of a decoder's linear layers are quantized dynamically. A model that was trained
 * so says it in its config.json, under a key of its own that other libraries ignore:
 *
 * <pre>
 * "parq": {
 *   "activations": "int8-asym-per-token",
 *   "modules_to_not_convert": ["lm_head"]
 * }
 * </pre>
 *
 * @param quantization how
 * @param except names of the linear layers whose inputs are left as they are, such as {@code
 *     lm_head}, which is also the name of a tied head
 */
public record ActivationConfig(ActivationQuantization quantization, Set<String> except) {
  private static final String KEY = "parq";
  private static final String ACTIVATIONS = "activations";
  private static final String EXCEPT = "modules_to_not_convert";

  /** Copies the set, keeping its order. */
  public ActivationConfig {
    except = Collections.unmodifiableSet(new LinkedHashSet<>(except));
  }

  /** Reads it from a config.json. */
  static @Nullable ActivationConfig of(JsonFields config) {
    JsonFields own = config.object(KEY);
    if (own == null || !own.has(ACTIVATIONS)) {
      return null;
    }
    try {
      ActivationQuantization quantization = ActivationQuantization.parse(own.text(ACTIVATIONS));
      List<JsonNode> names =
          own.has(EXCEPT) ? own.list(EXCEPT, own.node().get(EXCEPT).size(), "texts") : List.of();
      Set<String> except = new LinkedHashSet<>();
      names.forEach(name -> except.add(name.textValue()));
      return new ActivationConfig(quantization, except);
    } catch (IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(KEY)
          ? e
          : new IllegalArgumentException(KEY + "." + ACTIVATIONS + ": " + message, e);
    }
  }

  /** The text of a config.json with this in it, or without any if null. */
  static String write(@Nullable ActivationConfig activations, String json) {
    ObjectNode node = JsonFields.parse(json).node();
    node.remove(KEY);
    if (activations != null) {
      ObjectNode own = node.putObject(KEY);
      own.put(ACTIVATIONS, activations.quantization.toString());
      ArrayNode names = own.putArray(EXCEPT);
      activations.except.forEach(names::add);
    }
    return node.toPrettyString() + "\n";
  }
}

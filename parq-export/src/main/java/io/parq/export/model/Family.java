package io.parq.export.model;

import java.util.Arrays;
import java.util.Locale;

/** The kinds of decoders that can be read, each under the {@code model_type} of its config.json. */
public enum Family {
  /** Llama 2 and 3, and what shares their architecture. */
  LLAMA("llama", "LlamaForCausalLM"),
  /** Qwen 2 and 2.5: biases on queries, keys and values. */
  QWEN2("qwen2", "Qwen2ForCausalLM"),
  /** Qwen 3: queries and keys are normalized. */
  QWEN3("qwen3", "Qwen3ForCausalLM"),
  /** Phi-3 and Phi-4-mini: one projection for queries, keys and values, one for gate and up. */
  PHI3("phi3", "Phi3ForCausalLM"),
  /** The text part of Gemma 3: four norms a layer, sliding windows, scaled embeddings. */
  GEMMA3("gemma3_text", "Gemma3ForCausalLM");

  private final String modelType;
  private final String architecture;

  Family(String modelType, String architecture) {
    this.modelType = modelType;
    this.architecture = architecture;
  }

  /** {@return the {@code model_type} of its config.json} */
  public String modelType() {
    return modelType;
  }

  /** {@return the name that config.json gives to the model with a language head} */
  public String architecture() {
    return architecture;
  }

  static Family of(JsonFields config) {
    String name = config.text("model_type");
    for (Family family : values()) {
      if (family.modelType.equals(name)) {
        return family;
      }
    }
    throw config.error(
        "model_type",
        "one of " + Arrays.stream(values()).map(Family::modelType).toList() + " or gemma3");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

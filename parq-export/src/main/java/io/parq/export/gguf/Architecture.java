package io.parq.export.gguf;

import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The decoders that are written and read, under llama.cpp's names. */
enum Architecture {
  LLAMA("llama"),
  QWEN2("qwen2"),
  QWEN3("qwen3"),
  PHI3("phi3"),
  GEMMA3("gemma3_text");

  private final String modelType;

  Architecture(String modelType) {
    this.modelType = modelType;
  }

  /** Takes {@code model_type} of a config.json, or of its text part. */
  static Architecture ofModelType(String modelType) {
    for (Architecture architecture : values()) {
      if (architecture.modelType.equals(modelType)) {
        return architecture;
      }
    }
    throw new IllegalArgumentException(
        "model_type: %s, expected one of %s or gemma3"
            .formatted(modelType, Arrays.stream(values()).map(a -> a.modelType).toList()));
  }

  /** Takes {@code general.architecture} of a file; null if it is another one. */
  static @Nullable Architecture ofName(@Nullable Object name) {
    return Arrays.stream(values()).filter(a -> a.toString().equals(name)).findFirst().orElse(null);
  }

  /** Whether a head's queries and keys are turned in neighbouring pairs, not in halves. */
  boolean pairsNeighbours() {
    return this == LLAMA;
  }

  /** Whether norms are stored with the 1 that the model adds to them. */
  boolean addsOneToNorms() {
    return this == GEMMA3;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

package io.parq.export;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files of a Hugging Face folder other than its weights. */
public final class ModelFiles {
  /** The file that says what a model looks like. */
  public static final String CONFIG = "config.json";

  /** What tokenizers and generation are configured with. */
  public static final List<String> COMPANIONS =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "tokenizer.model",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "merges.txt",
          "chat_template.jinja",
          "chat_template.json",
          "generation_config.json");

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private ModelFiles() {}

  /**
   * Copies the companions that there are.
   *
   * @param from the model's folder
   * @param to an existing folder
   * @throws IOException if a file cannot be copied
   */
  public static void copyCompanions(Path from, Path to) throws IOException {
    for (String name : COMPANIONS) {
      if (Files.isRegularFile(from.resolve(name))) {
        Files.copy(from.resolve(name), to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  /**
   * Copies a config, with other values for what says how weights are stored.
   *
   * @param from the model's folder
   * @param to an existing folder
   * @param dtype the type that weights are loaded as, such as {@code float32}
   * @param quantization JSON of the quantization config, or null for none
   * @throws IOException if there is no valid config, or it cannot be written
   */
  public static void copyConfig(Path from, Path to, String dtype, @Nullable String quantization)
      throws IOException {
    ObjectNode config = config(from);
    if (config.remove("torch_dtype") != null) { // what releases before 4.56 read
      config.put("torch_dtype", dtype);
    }
    config.put("dtype", dtype);
    config.remove("quantization_config");
    if (quantization != null) {
      config.set("quantization_config", JSON.readTree(quantization));
    }
    Files.writeString(to.resolve(CONFIG), config.toPrettyString() + "\n");
  }

  /**
   * {@return whether the head is the embedding, so that a head among the weights is a copy}
   *
   * @param folder a Hugging Face folder
   * @throws IOException if there is no valid config
   */
  public static boolean isHeadTied(Path folder) throws IOException {
    JsonNode config = config(folder);
    boolean ties = modelType(folder).startsWith("gemma");
    return config.path("tie_word_embeddings").asBoolean(ties);
  }

  /**
   * {@return the model type that a config names, or an empty text}
   *
   * @param folder a Hugging Face folder
   * @throws IOException if there is no valid config
   */
  public static String modelType(Path folder) throws IOException {
    return config(folder).path("model_type").asText();
  }

  /**
   * {@return whether a name is that of an embedding, by its usual parts}
   *
   * @param tensor the name
   */
  public static boolean isEmbedding(String tensor) {
    return TensorSelection.isEmbedding(tensor);
  }

  private static ObjectNode config(Path folder) throws IOException {
    Path file = folder.resolve(CONFIG);
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString());
    }
    try {
      if (JSON.readTree(Files.readAllBytes(file)) instanceof ObjectNode config) {
        return config;
      }
    } catch (JacksonException e) {
      throw new IOException(file + ": not valid JSON: " + e.getOriginalMessage(), e);
    }
    throw new IOException(file + ": not a JSON object");
  }
}

package io.parq.export.model;

import io.parq.export.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a decoder looks like, as a Hugging Face folder's config.json says. Values that would change
 * what the model computes and are not supported are errors; other keys are kept in {@link #json}
 * and written back with the model.
 *
 * @param family the kind of decoder
 * @param vocabSize rows of the embedding and of the head
 * @param hiddenSize elements of a token between layers
 * @param intermediateSize elements of a token within the feed-forward part
 * @param layers number of layers
 * @param heads attention heads for queries
 * @param keyValueHeads attention heads for keys and values; divides {@code heads}
 * @param headDim elements of a head
 * @param maxPositions tokens in the longest sequence that the model was made for; not enforced
 * @param normEpsilon added to the mean of squares before its root is taken
 * @param attentionScale what products of queries and keys are multiplied by
 * @param attentionBias whether projections to queries, keys and values have a bias
 * @param outputBias whether the projection out of the attention has one
 * @param mlpBias whether those of the feed-forward part have one
 * @param tiedHead whether the head is the embedding
 * @param windows for each layer how many tokens a token sees, itself included; 0 for all before it
 * @param rope positions in layers without a window, and in all but Gemma's
 * @param localRope positions in layers with a window
 * @param initializerRange standard deviation of fresh weights
 * @param json the config.json that is written with the model: the object that was read, or what its
 *     {@code text_config} holds
 */
public record ModelConfig(
    Family family,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int keyValueHeads,
    int headDim,
    int maxPositions,
    double normEpsilon,
    double attentionScale,
    boolean attentionBias,
    boolean outputBias,
    boolean mlpBias,
    boolean tiedHead,
    List<Integer> windows,
    Rope rope,
    Rope localRope,
    double initializerRange,
    String json) {

  /**
   * Copies the list.
   *
   * @throws IllegalArgumentException if there is not one window for each layer, heads are not a
   *     multiple of key-value heads, or a position embedding turns more than a head has
   */
  public ModelConfig {
    windows = List.copyOf(windows);
    if (windows.size() != layers) {
      throw new IllegalArgumentException(
          "%d windows, expected one for each of %d layers".formatted(windows.size(), layers));
    }
    if (heads % keyValueHeads != 0) {
      throw new IllegalArgumentException(
          "num_attention_heads: %d, expected a multiple of num_key_value_heads, %d"
              .formatted(heads, keyValueHeads));
    }
    if (Math.max(rope.dimension(), localRope.dimension()) > headDim) {
      throw new IllegalArgumentException(
          "head_dim: %d, expected at least the %d elements that positions turn"
              .formatted(headDim, Math.max(rope.dimension(), localRope.dimension())));
    }
  }

  /**
   * Reads a config.json.
   *
   * @param json its text, of model type llama, qwen2, qwen3, phi3, gemma3_text or gemma3; positions
   *     in the spelling of transformers 5 ({@code rope_parameters}) or in the older one
   * @return the configuration; of gemma3 that of its text part
   * @throws IllegalArgumentException if it is not a JSON object, or a value is missing, not valid
   *     or not supported; the message names key, value and what was expected
   */
  public static ModelConfig parse(String json) {
    return ConfigReader.read(JsonFields.parse(json));
  }

  /**
   * Reads the config.json of a model's folder.
   *
   * @param folder the folder
   * @return the configuration
   * @throws ModelFormatException as {@link #parse} throws for a text
   * @throws IOException if the file cannot be read
   */
  public static ModelConfig read(Path folder) throws IOException {
    Path file = folder.resolve(ModelFiles.CONFIG);
    String json = Files.readString(file);
    try {
      return parse(json);
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException(file, e);
    }
  }

  /** {@return how the inputs of linear layers are quantized, or null if they are not} */
  public @Nullable ActivationConfig activations() {
    return ActivationConfig.of(JsonFields.parse(json));
  }

  /**
   * {@return the same model with other quantization of activations, which {@link #json} tells}
   *
   * @param other how, or null for none
   */
  public ModelConfig withActivations(@Nullable ActivationConfig other) {
    return new ModelConfig(
        family,
        vocabSize,
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        keyValueHeads,
        headDim,
        maxPositions,
        normEpsilon,
        attentionScale,
        attentionBias,
        outputBias,
        mlpBias,
        tiedHead,
        windows,
        rope,
        localRope,
        initializerRange,
        ActivationConfig.write(other, json));
  }

  /**
   * {@return the position embedding of a layer}
   *
   * @param layer its index, from 0
   */
  public Rope rope(int layer) {
    return windows.get(layer) > 0 ? localRope : rope;
  }
}

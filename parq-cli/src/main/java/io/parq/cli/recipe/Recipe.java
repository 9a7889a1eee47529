package io.parq.cli.recipe;

import io.parq.optim.NonFinite;
import io.parq.torch.train.TextFormat;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A training, as {@code parq train} is told to do it. {@link RecipeReader} reads one, {@link
 * #toYaml} writes one.
 *
 * @param model the model to train
 * @param data what to train and evaluate on
 * @param qat what is quantized and how
 * @param optimizer what updates the weights
 * @param schedule the learning rate over time
 * @param train how long, in which portions
 * @param target what the trained model is written as
 * @param output the folder for all that is written
 * @param metrics how the run is recorded
 */
public record Recipe(
    Model model,
    Data data,
    Qat qat,
    BaseOptimizer optimizer,
    Schedule schedule,
    Train train,
    Target target,
    Path output,
    Metrics metrics) {

  /** The model to train. */
  public sealed interface Model {
    /**
     * A model that exists.
     *
     * @param path a Hugging Face folder
     */
    record Folder(Path path) implements Model {}

    /**
     * A model that starts from random weights.
     *
     * @param config as in a config.json, not checked yet: numbers are Long or Double
     * @param tokenizer a tokenizer.json; null: every byte is a token
     */
    record New(Map<String, @Nullable Object> config, @Nullable Path tokenizer) implements Model {
      /** Copies the map. */
      public New {
        config = Collections.unmodifiableMap(new LinkedHashMap<>(config));
      }

      /** {@return the config as the text of a config.json} */
      public String json() {
        return RecipeWriter.json(config);
      }
    }
  }

  /**
   * What to train and evaluate on.
   *
   * @param train a file
   * @param eval a file, or null for none
   * @param sequenceLength tokens of a training sequence, at least 1
   * @param format how both files are laid out
   */
  public record Data(Path train, @Nullable Path eval, int sequenceLength, TextFormat format) {}

  /**
   * How long to train, in which portions. Of steps and epochs exactly one is there.
   *
   * @param steps optimizer steps
   * @param epochs passes over the training data
   * @param batchSize sequences of a forward pass
   * @param gradientAccumulation forward and backward passes of a step
   * @param clipNorm largest norm of all gradients; null: not clipped
   * @param evalEvery steps between evaluations; 0: only at the end
   * @param checkpointEvery steps between checkpoints; 0: only at the end
   * @param keep how many checkpoints are kept
   * @param seed of data order and random weights
   * @param threads threads that compute; null: as many as there are cores
   * @param onNonFinite what to do about a gradient that is not finite
   */
  public record Train(
      @Nullable Long steps,
      @Nullable Double epochs,
      int batchSize,
      int gradientAccumulation,
      @Nullable Double clipNorm,
      Steps evalEvery,
      Steps checkpointEvery,
      int keep,
      long seed,
      @Nullable Integer threads,
      NonFinite onNonFinite) {
    /** Checks that one length is there. */
    public Train {
      if ((steps == null) == (epochs == null)) {
        throw new KeyException(
            "train.steps", "found %s with epochs %s, expected one".formatted(steps, epochs));
      }
    }

    /**
     * {@return all steps of the training, at least 1}
     *
     * @param stepsOfEpoch steps that pass over the training data once, at least 1
     */
    public long totalSteps(long stepsOfEpoch) {
      return steps != null
          ? steps
          : Math.max(1, Math.round((epochs == null ? 1 : epochs) * stepsOfEpoch));
    }
  }

  /** What a trained model can be written as. */
  public enum Target {
    /** A Hugging Face folder; the weights are floats that lie on their levels. */
    SAFETENSORS,
    /** Packed codes and scales. */
    PARQ,
    /** Files of llama.cpp. */
    GGUF,
    /** Files of ONNX Runtime. */
    ONNX,
    /** Checkpoints of torchao. */
    TORCHAO;

    /** {@return the name in recipes} */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * How the run is recorded.
   *
   * @param csv as metrics.csv
   * @param jsonl as metrics.jsonl
   * @param tensorboard as event files of TensorBoard
   */
  public record Metrics(boolean csv, boolean jsonl, boolean tensorboard) {}

  /** {@return a recipe of nothing but defaults, with examples where there are none} */
  public static Recipe defaults() {
    String required =
        """
        model: %s
        data: {train: %s}
        output: %s
        """
            .formatted(Keys.MODEL.text(), Keys.TRAIN_DATA.text(), Keys.OUTPUT.text());
    return RecipeReader.parse(required, "defaults", Path.of(""), List.of()).recipe();
  }

  /** {@return this recipe with every key that applies, schemes spelled out; it reads back equal} */
  public String toYaml() {
    return RecipeWriter.write(this, false);
  }

  /** {@return {@link #toYaml} with the meaning, type and default of every key as comments} */
  public String toCommentedYaml() {
    return RecipeWriter.write(this, true);
  }
}

package io.parq.runtime;

import io.parq.export.model.ActivationConfig;
import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.grids.ActivationQuantization;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Makes the parts of a decoder from files. */
final class LayerReader {
  private final ModelConfig config;
  private final Weights files;
  private final boolean floatActivations;

  LayerReader(ModelConfig config, Weights files, boolean floatActivations) {
    this.config = config;
    this.files = files;
    this.floatActivations = floatActivations;
  }

  ModelConfig config() {
    return config;
  }

  PackedMatrix embedding() throws IOException {
    return files.matrix("model.embed_tokens.weight", config.vocabSize(), config.hiddenSize());
  }

  /** The head, which may be the embedding. */
  Linear head(PackedMatrix embedding) throws IOException {
    return config.tiedHead()
        ? new Linear(embedding, null, activations("lm_head"))
        : linear("lm_head", config.hiddenSize(), config.vocabSize(), false);
  }

  Linear linear(String name, int in, int out, boolean biased) throws IOException {
    return new Linear(
        files.matrix(name + ".weight", out, in),
        biased ? files.vector(name + ".bias", out) : null,
        activations(name));
  }

  private @Nullable ActivationQuantization activations(String name) {
    ActivationConfig trained = config.activations();
    return floatActivations || trained == null || trained.except().contains(name)
        ? null
        : trained.quantization();
  }

  RmsNorm norm(String name, int length) throws IOException {
    boolean plusOne = config.family() == Family.GEMMA3;
    return RmsNorm.of(files.vector(name + ".weight", length), config.normEpsilon(), plusOne);
  }
}

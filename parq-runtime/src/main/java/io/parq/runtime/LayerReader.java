package io.parq.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.grids.ActivationQuantization;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes the parts of a decoder from files. */
final class LayerReader {
  private final ModelConfig config;
  private final WeightFiles files;
  private final @Nullable ActivationQuantization activations;

  /** Linear layers whose inputs are not quantized. */
  private final Set<String> except = new HashSet<>();

  LayerReader(ModelConfig config, WeightFiles files, boolean floatActivations) throws IOException {
    this.config = config;
    this.files = files;
    JsonNode own = new ObjectMapper().readTree(config.json()).path("parq");
    JsonNode name = own.path("activations");
    activations =
        floatActivations || name.isMissingNode() || name.isNull()
            ? null
            : ActivationQuantization.parse(name.asText());
    own.path("modules_to_not_convert").forEach(module -> except.add(module.asText()));
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
    return except.contains(name) ? null : activations;
  }

  RmsNorm norm(String name, int length) throws IOException {
    boolean plusOne = config.family() == Family.GEMMA3;
    return RmsNorm.of(files.vector(name + ".weight", length), config.normEpsilon(), plusOne);
  }
}

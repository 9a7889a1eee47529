package io.parq.torch;

import io.parq.export.ModelReader;
import io.parq.export.formats.Formats;
import io.parq.grids.ActivationQuantization;
import io.parq.optim.ParamGroup;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A decoder-only language model in single precision, as a LibTorch module: {@code named_modules()}
 * and {@code named_parameters()} give Hugging Face's names, such as {@code
 * model.layers.0.self_attn.q_proj.weight}; linear layers and the embedding are LibTorch's own, and
 * a normalization is a module named {@code RMSNorm}. A tied head has no parameter of its own, as in
 * transformers: {@code model.embed_tokens.weight} serves as both and collects the gradients of
 * both.
 *
 * <p>The model outlives the {@code PointerScope} in which it was made and is freed by {@link
 * #close}; results belong to the caller's scope. Not thread-safe.
 */
public final class CausalLm extends Module {
  private static final long SHARD_BYTES = 5_000_000_000L;

  private ModelConfig config;
  private final @Nullable Path source;
  private final Layers layers = new Layers();
  private final EmbeddingImpl embedding;
  private final List<DecoderLayer> decoder = new ArrayList<>();
  private final RmsNorm norm;
  private final Linear head;
  private boolean closed;

  private CausalLm(ModelConfig config, @Nullable Path source) {
    super(config.family().architecture());
    retainReference();
    this.config = config;
    this.source = source;
    Module model = layers.module(this, "model", "Decoder");
    embedding = layers.embedding(model, "embed_tokens", config.vocabSize(), config.hiddenSize());
    Module list = layers.module(model, "layers", "ModuleList");
    for (int i = 0; i < config.layers(); i++) {
      decoder.add(new DecoderLayer(config, layers, list, i));
    }
    norm = layers.norm(model, "norm", config.hiddenSize(), config);
    head =
        config.tiedHead()
            ? layers.tied("lm_head", embedding, "model.embed_tokens.weight")
            : layers.linear(this, "lm_head", config.hiddenSize(), config.vocabSize(), false);
  }

  /**
   * Reads a model from a Hugging Face folder: {@code config.json}, and weights in one or several
   * safetensors files of F32, BF16 or F16, or a checkpoint of torchao. They are widened straight
   * into the model's memory.
   *
   * @param folder the folder
   * @return the model, to be closed by the caller
   * @throws ModelFormatException if the configuration is not valid or not supported, or tensors are
   *     missing, left over, or of another shape or type than the configuration asks for; the
   *     message names all of them
   * @throws IOException if a file cannot be read
   */
  public static CausalLm load(Path folder) throws IOException {
    ModelConfig config = ModelConfig.read(folder);
    try (ModelReader weights = Formats.open(folder)) {
      return load(config, folder, weights);
    }
  }

  /**
   * Reads a model whose weights are kept in any format.
   *
   * @param folder a Hugging Face folder; only its {@code config.json} is read
   * @param weights all weights under Hugging Face's names; not closed
   * @return the model, to be closed by the caller
   * @throws ModelFormatException as for {@link #load(Path)}
   * @throws IOException if a file cannot be read
   */
  public static CausalLm load(Path folder, ModelReader weights) throws IOException {
    return load(ModelConfig.read(folder), folder, weights);
  }

  private static CausalLm load(ModelConfig config, Path folder, ModelReader weights)
      throws IOException {
    try (PointerScope _ = new PointerScope()) {
      CausalLm model = new CausalLm(config, folder);
      try {
        model.applyActivations(folder.resolve(ModelConfig.FILE) + ": ");
        Weights.load(model, folder, weights);
        return model;
      } catch (IOException | RuntimeException | Error e) {
        model.close();
        throw e;
      }
    }
  }

  /**
   * Makes a model with fresh weights: matrices are normal with the configuration's {@code
   * initializer_range} as standard deviation, biases 0, normalizations neutral.
   *
   * @param config what it looks like
   * @param seed same seed, same weights, whatever the number of threads
   * @return the model, to be closed by the caller
   * @throws IllegalArgumentException if the configuration excepts layers from the quantization of
   *     activations that the model does not have
   */
  public static CausalLm create(ModelConfig config, long seed) {
    try (PointerScope _ = new PointerScope()) {
      CausalLm model = new CausalLm(config, null);
      try {
        model.applyActivations("");
        Weights.fill(model, seed);
        return model;
      } catch (RuntimeException | Error e) {
        model.close();
        throw e;
      }
    }
  }

  /** {@return what the model looks like} */
  public ModelConfig config() {
    return config;
  }

  /**
   * Quantizes the inputs of the linear layers whose weights are quantized, from now on, as a
   * runtime with dynamically quantized activations does: {@link FakeQuantize#apply} goes before
   * each of them. A tied head counts as such a layer if the embedding is quantized. The model
   * remembers it: it is saved with it and loaded with it.
   *
   * @param quantization how
   * @param groups the model's parameters, such as {@link TorchQuantOptimizer#groups}; not modified
   */
  public void quantizeActivations(ActivationQuantization quantization, List<ParamGroup> groups) {
    Set<String> quantized = new HashSet<>();
    for (ParamGroup group : groups) {
      if (group.config() != null) {
        group.parameters().forEach(parameter -> quantized.add(parameter.name()));
      }
    }
    Set<String> except = new LinkedHashSet<>();
    layers
        .linears()
        .forEach(
            (name, layer) -> {
              if (!quantized.contains(layer.weight())) {
                except.add(name);
              }
            });
    config = config.withActivations(new ActivationConfig(quantization, except));
    applyActivations("");
  }

  /** Leaves the inputs of all linear layers as they are, from now on. */
  public void keepActivations() {
    config = config.withActivations(null);
    applyActivations("");
  }

  private void applyActivations(String source) {
    ActivationConfig activations = config.activations();
    ActivationQuantization quantization = activations == null ? null : activations.quantization();
    Set<String> except = activations == null ? Set.of() : activations.except();
    Set<String> unknown = new LinkedHashSet<>(except);
    unknown.removeAll(layers.linears().keySet());
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "%sparq.modules_to_not_convert: %s, expected names of linear layers"
              .formatted(source, unknown));
    }
    layers
        .linears()
        .forEach((name, layer) -> layer.activations(except.contains(name) ? null : quantization));
  }

  /**
   * Computes logits.
   *
   * @param ids 64-bit token ids, [batch, token], each from 0 to the vocabulary's size less one; not
   *     modified
   * @return [batch, token, vocabulary]: at each token, the logits of the next one
   * @throws IllegalArgumentException if the ids have another rank or type, or there are none
   */
  public Tensor forward(Tensor ids) {
    return Torch.scoped(() -> logits(hidden(ids)));
  }

  /**
   * Computes what the head reads, so that a caller may ask it for some tokens' logits only.
   *
   * @param ids as for {@link #forward}
   * @return [batch, token, hidden]
   * @throws IllegalArgumentException as for {@link #forward}
   */
  public Tensor hidden(Tensor ids) {
    if (ids.dim() != 2 || ids.scalar_type().intern() != ScalarType.Long || ids.numel() == 0) {
      throw new IllegalArgumentException(
          "ids: rank %d, %d elements of type %s, expected rank 2 and at least one Long"
              .formatted(ids.dim(), ids.numel(), ids.scalar_type()));
    }
    return Torch.scoped(
        () -> {
          Map<Integer, Positions> positions = new HashMap<>();
          Tensor x = embedding.forward(ids);
          if (config.family() == Family.GEMMA3) {
            x = x.mul(new Scalar((double) (float) Math.sqrt(config.hiddenSize())));
          }
          for (int i = 0; i < decoder.size(); i++) {
            DecoderLayer layer = decoder.get(i);
            Rope rope = config.rope(i);
            Positions places =
                positions.computeIfAbsent(
                    config.windows().get(i), window -> new Positions(rope, window, ids.size(1)));
            Tensor input = x;
            x = Torch.scoped(() -> layer.forward(input, places));
            input.releaseReference();
          }
          return norm.forward(x);
        });
  }

  /**
   * Applies the head.
   *
   * @param hidden [..., hidden]; not modified
   * @return [..., vocabulary]
   */
  public Tensor logits(Tensor hidden) {
    return head.forward(hidden);
  }

  /**
   * Writes the model as a folder that {@link #load} and transformers read: {@code config.json}, the
   * weights in single precision, a tied head not among them, and the tokenizer's files of the
   * folder that the model was loaded from, if they are still there. Every file gets its name when
   * it is complete; weights that are there already are replaced.
   *
   * @param folder the folder; made if it is missing
   * @throws IllegalStateException if a parameter is no longer single precision in the host's memory
   * @throws IOException if writing fails
   */
  public void save(Path folder) throws IOException {
    save(folder, SHARD_BYTES);
  }

  /**
   * Writes the model as {@link #save(Path)} does.
   *
   * @param folder the folder; made if it is missing
   * @param maxShardBytes bytes of data in a file of weights, at least 1; if there are more, they
   *     are spread over several files with an index
   * @throws IllegalArgumentException if {@code maxShardBytes} is below 1
   * @throws IllegalStateException if a parameter is no longer single precision in the host's memory
   * @throws IOException if writing fails
   */
  public void save(Path folder, long maxShardBytes) throws IOException {
    try (PointerScope _ = new PointerScope()) {
      ModelFolder.save(this, folder, maxShardBytes, source);
    }
  }

  /** Frees the model's memory. Closing twice does nothing. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      layers.close();
      releaseReference();
    }
  }
}

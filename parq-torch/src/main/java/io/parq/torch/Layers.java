package io.parq.torch;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LinearOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Makes the modules of a model and keeps them until the model is closed. Their weights are left
 * uninitialized: LibTorch would fill them with random numbers that are overwritten anyway.
 */
final class Layers implements AutoCloseable {
  private final List<Pointer> kept = new ArrayList<>();

  /** The full names of modules, with a dot behind. */
  private final IdentityHashMap<Module, String> prefixes = new IdentityHashMap<>();

  private final Map<String, Linear> linears = new LinkedHashMap<>();

  /** Lets a native object outlive the scope it was made in. */
  private <P extends Pointer> P keep(P pointer) {
    pointer.retainReference();
    kept.add(pointer);
    return pointer;
  }

  /** A module that only holds others, or parameters of its own; {@code type} is its name. */
  Module module(Module parent, String name, String type) {
    Module module = keep(new Module(type));
    parent.register_module(name, module);
    prefixes.put(module, fullName(parent, name) + ".");
    return module;
  }

  private String fullName(Module parent, String name) {
    return prefixes.getOrDefault(parent, "") + name;
  }

  /** All linear layers by full name. */
  Map<String, Linear> linears() {
    return Collections.unmodifiableMap(linears);
  }

  /** A head that multiplies with the embedding. */
  Linear tied(String name, EmbeddingImpl embedding, String weight) {
    Linear head = new Linear(weight, x -> torch.linear(x, embedding.weight()));
    linears.put(name, head);
    return head;
  }

  Linear linear(Module parent, String name, long inputs, long outputs, boolean bias) {
    LinearOptions options = new LinearOptions(1, 1);
    options.bias().put(bias);
    LinearImpl linear = keep(new LinearImpl(options));
    linear.options().in_features().put(inputs);
    linear.options().out_features().put(outputs);
    linear.weight().set_data(torch.empty(outputs, inputs));
    if (bias) {
      linear.bias().set_data(torch.empty(outputs));
    }
    parent.register_module(name, linear);
    String full = fullName(parent, name);
    Linear layer = new Linear(full + ".weight", linear::forward);
    linears.put(full, layer);
    return layer;
  }

  EmbeddingImpl embedding(Module parent, String name, long entries, long size) {
    EmbeddingImpl embedding = keep(new EmbeddingImpl(1, 1));
    embedding.options().num_embeddings().put(entries);
    embedding.options().embedding_dim().put(size);
    embedding.weight().set_data(torch.empty(entries, size));
    parent.register_module(name, embedding);
    return embedding;
  }

  RmsNorm norm(Module parent, String name, long size, ModelConfig config) {
    Tensor weight = keep(torch.empty(size));
    module(parent, name, "RMSNorm").register_parameter("weight", weight);
    return new RmsNorm(weight, config.normEpsilon(), config.family() == Family.GEMMA3);
  }

  /** Frees everything. */
  @Override
  public void close() {
    kept.reversed().forEach(Pointer::releaseReference);
    kept.clear();
  }
}

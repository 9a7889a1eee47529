package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model whose tensors are in memory; its folder has what the test puts there. */
public class MemoryModel implements ModelSource {
  /** A llama of one layer with four heads of eight elements. */
  public static final String LLAMA =
      """
      {"model_type": "llama", "vocab_size": 256, "hidden_size": 32, "intermediate_size": 64,
       "num_hidden_layers": 1, "num_attention_heads": 4, "head_dim": 8,
       "max_position_embeddings": 64}
      """;

  private final Path folder;
  private final Map<String, QuantizedTensor> quantized = new LinkedHashMap<>();
  private final Map<String, TensorData> plain = new LinkedHashMap<>();

  /** A model without a configuration. */
  public MemoryModel() {
    folder = Path.of(".");
  }

  /** A model whose folder, made if missing, gets a config.json. */
  public MemoryModel(Path folder, String config) throws IOException {
    this.folder = Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config);
  }

  /** Adds a tensor. */
  public final MemoryModel with(String name, QuantizedTensor tensor) {
    quantized.put(name, tensor);
    return this;
  }

  /** Adds a tensor that is not quantized. */
  public final MemoryModel with(String name, TensorData tensor) {
    plain.put(name, tensor);
    return this;
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    List<TensorInfo> infos = new ArrayList<>();
    quantized.forEach((name, t) -> infos.add(TensorInfo.of(name, DType.F32, t.shape())));
    plain.forEach((name, t) -> infos.add(TensorInfo.of(name, t)));
    return infos;
  }

  @Override
  public QuantConfig config(String name) {
    return quantized.containsKey(name) ? quantized.get(name).lattice().config() : null;
  }

  @Override
  public QuantizedTensor quantized(String name) {
    return quantized.get(name);
  }

  @Override
  public TensorData plain(String name) {
    return plain.get(name);
  }

  @Override
  public void close() {}
}

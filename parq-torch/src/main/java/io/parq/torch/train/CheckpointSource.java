package io.parq.torch.train;

import io.parq.export.ModelFiles;
import io.parq.export.ModelSource;
import io.parq.export.safetensors.SafetensorsException;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The model in a checkpoint, with the codes and scales that it had at that step. Its config and
 * tokenizer are beside it, where {@code parq train} writes them.
 */
public final class CheckpointSource implements ModelSource {
  private static final String WEIGHT = RunState.OPTIMIZER + "weight/";
  private static final String LATTICE = RunState.OPTIMIZER + "lattice/";
  private static final String CONFIG = "config";

  private final Path file;
  private final SafetensorsReader reader;
  private final Map<String, QuantConfig> configs = new LinkedHashMap<>();

  private CheckpointSource(Path file, SafetensorsReader reader) {
    this.file = file;
    this.reader = reader;
    reader
        .metadata()
        .forEach(
            (key, value) -> {
              if (key.startsWith(LATTICE) && key.endsWith("/" + CONFIG)) {
                int end = key.length() - CONFIG.length() - 1;
                configs.put(key.substring(LATTICE.length(), end), QuantConfig.parse(value));
              }
            });
  }

  /**
   * {@return whether a path is a checkpoint, by its name and content}
   *
   * @param path any file or folder
   * @throws IOException if it has the name of a checkpoint and is not valid
   */
  public static boolean isCheckpoint(Path path) throws IOException {
    if (!Files.isRegularFile(path) || !Checkpoints.isNamed(path)) {
      return false;
    }
    try (SafetensorsReader reader = SafetensorsReader.open(path)) {
      return reader.metadata().containsKey(RunState.STEP);
    }
  }

  /**
   * Opens a checkpoint.
   *
   * @param file one of {@link Checkpoints#list}
   * @return the model, to be closed by the caller
   * @throws IOException if it is not valid, or its weights were not those of host memory
   */
  public static CheckpointSource open(Path file) throws IOException {
    CheckpointSource source = new CheckpointSource(file, SafetensorsReader.open(file));
    if (source.tensors().isEmpty()) {
      source.close();
      throw new SafetensorsException(file, "no weights named " + WEIGHT + "*, expected some");
    }
    return source;
  }

  @Override
  public Path folder() {
    Path parent = file.toAbsolutePath().getParent();
    if (parent == null || !Files.isRegularFile(parent.resolve(ModelFiles.CONFIG))) {
      throw new IllegalStateException(
          "%s: found no %s beside it".formatted(file, ModelFiles.CONFIG));
    }
    return parent;
  }

  @Override
  public List<TensorInfo> tensors() {
    List<TensorInfo> tensors = new ArrayList<>();
    for (TensorInfo tensor : reader.tensors()) {
      if (tensor.name().startsWith(WEIGHT)) {
        tensors.add(tensor.named(tensor.name().substring(WEIGHT.length())));
      }
    }
    return tensors;
  }

  @Override
  public @Nullable QuantConfig config(String name) {
    return configs.get(name);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IOException if it cannot be read, or a weight is not on a level yet: the message names
   *     tensor, row, column and value
   */
  @Override
  public QuantizedTensor quantized(String name) throws IOException {
    QuantConfig config = configs.get(name);
    if (config == null) {
      throw new SafetensorsException(file, name, "not among the quantized tensors");
    }
    TensorData weights = reader.tensor(WEIGHT + name);
    Lattice lattice = Lattice.unfitted(config, weights.shape());
    lattice.load(latticeState(name, config));
    QuantizedTensor tensor = QuantizedTensor.of(lattice, weights.data());
    checkOnLevels(name, tensor, weights);
    return tensor;
  }

  private NamedTensors latticeState(String name, QuantConfig config) throws IOException {
    String prefix = LATTICE + name + "/";
    Map<String, TensorData> parts = new LinkedHashMap<>();
    for (TensorInfo part : reader.tensors()) {
      if (part.name().startsWith(prefix)) {
        parts.put(part.name().substring(prefix.length()), reader.tensor(part.name()));
      }
    }
    return new NamedTensors(parts, Map.of(CONFIG, config.toString()));
  }

  private void checkOnLevels(String name, QuantizedTensor tensor, TensorData weights)
      throws IOException {
    MemorySegment values = Arena.ofAuto().allocate(weights.data().byteSize(), 8);
    tensor.dequantize(values);
    long different = values.mismatch(weights.data());
    if (different >= 0) {
      long index = different / Float.BYTES;
      float[] weight = new float[1];
      weights.toFloats(index, weight, 0, 1);
      long columns = tensor.lattice().layout().columns();
      throw new SafetensorsException(
          file,
          name,
          "row %d, column %d holds %s, nearest level %s: not quantized yet, export a later step"
              .formatted(
                  index / columns,
                  index % columns,
                  weight[0],
                  values.getAtIndex(ValueLayout.JAVA_FLOAT, index)));
    }
  }

  @Override
  public TensorData plain(String name) throws IOException {
    return reader.tensor(WEIGHT + name);
  }

  @Override
  public void close() {
    reader.close();
  }
}

package io.parq.export;

import io.parq.export.safetensors.SafetensorsException;
import io.parq.export.safetensors.SafetensorsReader;
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
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The model of a Hugging Face folder, as it is or quantized after training. A weight is quantized
 * whenever it is asked for, with the same result each time, and not kept.
 */
public final class FolderSource implements ModelSource {
  private static final String HEAD = "lm_head.weight";
  private static final Set<DType> READABLE = Set.of(DType.F32, DType.BF16, DType.F16);

  private final Path folder;
  private final SafetensorsReader reader;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
  private Map<String, QuantConfig> configs = Map.of();

  private FolderSource(Path folder, SafetensorsReader reader) throws IOException {
    this.folder = folder;
    this.reader = reader;
    boolean tied = ModelFiles.isHeadTied(folder);
    for (TensorInfo tensor : reader.tensors()) {
      String name = tensor.name();
      if ((tied && name.equals(HEAD)) || name.endsWith(".rotary_emb.inv_freq")) {
        continue; // a copy, and a table that old releases stored
      }
      DType dtype = tensor.dtype();
      if (dtype == null || !READABLE.contains(dtype)) {
        throw new SafetensorsException(
            reader.path(), name, "%s, expected F32, BF16 or F16".formatted(tensor.dtypeName()));
      }
      tensors.put(name, tensor);
    }
  }

  /**
   * Opens a model as it is.
   *
   * @param path a Hugging Face folder, or the safetensors file or index in one
   * @return the model, to be closed by the caller
   * @throws IOException if there is no valid config or no valid weights
   */
  public static FolderSource open(Path path) throws IOException {
    Path parent = path.toAbsolutePath().getParent();
    Path folder = Files.isDirectory(path) || parent == null ? path : parent;
    SafetensorsReader reader = SafetensorsReader.open(path);
    try {
      if (ParqFile.isPacked(reader)) {
        throw new IllegalArgumentException(path + " is packed already, expected weights");
      }
      return new FolderSource(folder, reader);
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /**
   * Opens a model to be quantized.
   *
   * @param path as for {@link #open}
   * @param config grid, granularity, scale type
   * @param embeddings the same for embeddings, or null for {@code config}, as {@link
   *     SafetensorsQuantizer.Options} describes
   * @param include pattern of the names to quantize, or null for the usual ones, as described there
   * @return the model, to be closed by the caller
   * @throws IllegalArgumentException if nothing is selected or a shape does not fit; the message
   *     names the tensor
   * @throws IOException as for {@link #open}
   */
  public static FolderSource quantizing(
      Path path, QuantConfig config, @Nullable QuantConfig embeddings, @Nullable String include)
      throws IOException {
    FolderSource source = open(path);
    try {
      source.configs =
          new TensorSelection(include).configs(path, source.tensors.values(), config, embeddings);
      return source;
    } catch (RuntimeException | Error e) {
      source.close();
      throw e;
    }
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    List<TensorInfo> logical = new ArrayList<>();
    for (TensorInfo tensor : tensors.values()) {
      boolean quantized = configs.containsKey(tensor.name());
      logical.add(quantized ? TensorInfo.of(tensor.name(), DType.F32, tensor.shape()) : tensor);
    }
    return logical;
  }

  @Override
  public @Nullable QuantConfig config(String name) {
    return configs.get(name);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if a weight is not finite; the message names the tensor
   */
  @Override
  public QuantizedTensor quantized(String name) throws IOException {
    QuantConfig config = configs.get(name);
    if (config == null) {
      throw new SafetensorsException(reader.path(), name, "not among the quantized tensors");
    }
    try {
      return QuantizedTensor.quantize(config, reader.tensor(name));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
  }

  @Override
  public TensorData plain(String name) throws IOException {
    if (configs.containsKey(name) || !tensors.containsKey(name)) {
      throw new SafetensorsException(reader.path(), name, "not among the unquantized tensors");
    }
    return reader.tensor(name);
  }

  @Override
  public void close() {
    reader.close();
  }
}

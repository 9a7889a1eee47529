package io.parq.torch;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;

/** A Hugging Face folder of which some tensors are quantized when they are asked for. */
final class FolderModel implements ModelSource {
  private final Path folder;
  private final SafetensorsReader reader;
  private final QuantConfig config;
  private final Predicate<String> chosen;

  FolderModel(Path folder, QuantConfig config, Predicate<String> chosen) throws IOException {
    this.folder = folder;
    this.reader = SafetensorsReader.open(folder);
    this.config = config;
    this.chosen = chosen;
  }

  static FolderModel plain(Path folder) throws IOException {
    return new FolderModel(folder, null, _ -> false);
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    return reader.tensors();
  }

  @Override
  public QuantConfig config(String name) {
    return chosen.test(name) ? config : null;
  }

  @Override
  public QuantizedTensor quantized(String name) throws IOException {
    TensorData tensor = reader.tensor(name);
    return QuantizedTensor.quantize(
        config, MemorySegment.ofArray(tensor.toFloats()), tensor.shape());
  }

  @Override
  public TensorData plain(String name) throws IOException {
    return reader.tensor(name);
  }

  @Override
  public void close() {
    reader.close();
  }
}

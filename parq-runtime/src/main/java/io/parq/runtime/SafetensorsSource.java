package io.parq.runtime;

import io.parq.export.ParqFile;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A packed file, or safetensors of floats. */
final class SafetensorsSource implements TensorSource {
  private final SafetensorsReader reader;
  private final @Nullable ParqFile packed;

  private SafetensorsSource(SafetensorsReader reader, @Nullable ParqFile packed) {
    this.reader = reader;
    this.packed = packed;
  }

  static SafetensorsSource open(Path path) throws IOException {
    SafetensorsReader reader = SafetensorsReader.open(path);
    try {
      return new SafetensorsSource(reader, ParqFile.isPacked(reader) ? ParqFile.open(path) : null);
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  Map<String, String> metadata() {
    return reader.metadata();
  }

  @Override
  public Set<String> names() {
    if (packed == null) {
      return reader.tensors().stream().map(TensorInfo::name).collect(Collectors.toSet());
    }
    Set<String> names = new LinkedHashSet<>(packed.quantizedNames());
    names.addAll(packed.otherNames());
    return names;
  }

  @Override
  public long[] shape(String name) throws IOException {
    return packed != null && packed.quantizedNames().contains(name)
        ? packed.packed(name).shape()
        : plain(name).shape();
  }

  @Override
  public @Nullable QuantizedTensor quantized(String name) throws IOException {
    return packed != null && packed.quantizedNames().contains(name) ? packed.quantized(name) : null;
  }

  @Override
  public TensorData plain(String name) throws IOException {
    return packed == null ? reader.tensor(name) : packed.other(name);
  }

  @Override
  public void close() {
    reader.close();
    if (packed != null) {
      packed.close();
    }
  }
}

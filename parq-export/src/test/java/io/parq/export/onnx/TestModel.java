package io.parq.export.onnx;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model in memory. */
class TestModel implements ModelSource {
  private final Path folder;
  final Map<String, QuantizedTensor> quantized = new LinkedHashMap<>();
  final Map<String, TensorData> plain = new LinkedHashMap<>();

  TestModel(Path folder) {
    this.folder = folder;
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    List<TensorInfo> tensors = new ArrayList<>();
    quantized.forEach((name, t) -> tensors.add(TensorInfo.of(name, DType.F32, t.shape())));
    plain.forEach((name, t) -> tensors.add(TensorInfo.of(name, t)));
    return tensors;
  }

  @Override
  public QuantConfig config(String name) {
    QuantizedTensor tensor = quantized.get(name);
    return tensor == null ? null : tensor.lattice().config();
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

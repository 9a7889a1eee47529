package io.parq.runtime;

import io.parq.export.ModelReader;
import io.parq.export.gguf.GgufReader;
import io.parq.grids.DType;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** An exported model: GGUF's codes stay codes, other formats are decoded. */
final class ReaderSource implements TensorSource {
  private final ModelReader reader;
  private final Map<String, List<Long>> shapes = new LinkedHashMap<>();

  /** Views a reader, which is closed with this. */
  ReaderSource(ModelReader reader) {
    this.reader = reader;
    reader.tensors().forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
  }

  @Override
  public Set<String> names() {
    return shapes.keySet();
  }

  @Override
  public long[] shape(String name) {
    List<Long> shape = shapes.getOrDefault(name, List.of());
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  @Override
  public @Nullable QuantizedTensor quantized(String name) throws IOException {
    return reader instanceof GgufReader gguf ? gguf.quantized(name) : null;
  }

  @Override
  public TensorData plain(String name) throws IOException {
    if (reader instanceof GgufReader gguf) {
      return gguf.plain(name);
    }
    long[] shape = shape(name);
    long elements = TensorData.elements(shape);
    MemorySegment floats = Arena.ofAuto().allocate(Math.multiplyExact(4L, elements), Long.BYTES);
    reader.read(name, 0, shape.length == 1 ? 1 : elements / shape[shape.length - 1], floats);
    return new TensorData(DType.F32, shape, floats);
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}

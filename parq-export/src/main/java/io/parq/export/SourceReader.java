package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The values of a model that is to be written, read like those of one that was. Thread-safe; each
 * thread keeps the quantized tensor that it read last.
 */
public final class SourceReader implements ModelReader {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int CHUNK = 1 << 16;

  private final ModelSource model;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
  private final ThreadLocal<Latest> latest = ThreadLocal.withInitial(Latest::new);

  /** What a thread read last. */
  private static final class Latest {
    private String name = "";
    private @Nullable QuantizedTensor tensor;
  }

  /**
   * Views a model.
   *
   * @param model the model; closed with this
   */
  public SourceReader(ModelSource model) {
    this.model = model;
    model.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
  }

  @Override
  public List<Stored> tensors() {
    return tensors.values().stream().map(this::stored).toList();
  }

  private Stored stored(TensorInfo tensor) {
    QuantConfig config = model.config(tensor.name());
    List<Long> shape = Arrays.stream(tensor.shape()).boxed().toList();
    if (config == null) {
      return new Stored(tensor.name(), tensor.dtypeName(), shape, tensor.byteSize());
    }
    long bytes =
        PackedParts.declare(config, tensor.shape()).stream().mapToLong(TensorInfo::byteSize).sum();
    return new Stored(tensor.name(), config.toString(), shape, bytes);
  }

  @Override
  public void read(String name, long row, long count, MemorySegment out) throws IOException {
    TensorInfo tensor = tensors.get(name);
    if (tensor == null) {
      throw new IOException(
          "%s: not found, expected one of %d tensors".formatted(name, tensors.size()));
    }
    Rows rows = Rows.of(tensor.shape());
    rows.check(name, row, count, out);
    long start = row * rows.columns();
    long end = start + count * rows.columns();
    if (model.config(name) != null) {
      read(quantized(name)::toFloats, start, end, out);
    } else {
      read(model.plain(name)::toFloats, start, end, out);
    }
  }

  private QuantizedTensor quantized(String name) throws IOException {
    Latest own = latest.get();
    QuantizedTensor tensor = own.tensor;
    if (tensor == null || !own.name.equals(name)) {
      own.tensor = null; // lets its memory go before the next one is read
      tensor = model.quantized(name);
      own.tensor = tensor;
      own.name = name;
    }
    return tensor;
  }

  /** Gives some values of a tensor. */
  private interface Values {
    void read(long start, float[] out, int from, int length);
  }

  private static void read(Values tensor, long from, long to, MemorySegment out) {
    float[] chunk = new float[(int) Math.min(CHUNK, to - from)];
    for (long start = from; start < to; start += chunk.length) {
      int length = (int) Math.min(chunk.length, to - start);
      tensor.read(start, chunk, 0, length);
      MemorySegment.copy(chunk, 0, out, FLOAT, 4 * (start - from), length);
    }
  }

  @Override
  public void close() throws IOException {
    model.close();
  }
}

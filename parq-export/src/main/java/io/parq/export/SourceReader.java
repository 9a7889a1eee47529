package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
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
 * thread keeps what it read last.
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
    private @Nullable TensorValues values;
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
    TensorValues values = values(name);
    if (out.heapBase().orElse(null) instanceof float[] floats && out.address() % Float.BYTES == 0) {
      values.toFloats(
          start, floats, (int) (out.address() / Float.BYTES), Math.toIntExact(end - start));
      return;
    }
    float[] chunk = new float[(int) Math.min(CHUNK, end - start)];
    for (long i = start; i < end; i += chunk.length) {
      int length = (int) Math.min(chunk.length, end - i);
      values.toFloats(i, chunk, 0, length);
      MemorySegment.copy(chunk, 0, out, FLOAT, 4 * (i - start), length);
    }
  }

  private TensorValues values(String name) throws IOException {
    Latest own = latest.get();
    TensorValues values = own.values;
    if (values == null || !own.name.equals(name)) {
      own.values = null; // lets its memory go before the next one is read
      values = model.values(name);
      own.values = values;
      own.name = name;
    }
    return values;
  }

  @Override
  public void close() throws IOException {
    model.close();
  }
}

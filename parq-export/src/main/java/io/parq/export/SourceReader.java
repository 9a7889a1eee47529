package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.BlockLayout;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The values of a model that is to be written, read like those of one that was. One quantized
 * tensor is kept at a time. Not thread-safe.
 */
public final class SourceReader implements ModelReader {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int CHUNK = 1 << 16;

  private final ModelSource model;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
  private String latestName = "";
  private @Nullable QuantizedTensor latest;

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
      readLevels(quantized(name), start, end, out);
    } else {
      readPlain(model.plain(name), start, end, out);
    }
  }

  private QuantizedTensor quantized(String name) throws IOException {
    QuantizedTensor tensor = latest;
    if (tensor == null || !latestName.equals(name)) {
      latest = null; // lets its memory go before the next one is read
      tensor = model.quantized(name);
      latest = tensor;
      latestName = name;
    }
    return tensor;
  }

  private static void readPlain(TensorData tensor, long from, long to, MemorySegment out) {
    float[] chunk = new float[(int) Math.min(CHUNK, to - from)];
    for (long start = from; start < to; start += chunk.length) {
      int length = (int) Math.min(chunk.length, to - start);
      tensor.toFloats(start, chunk, 0, length);
      MemorySegment.copy(chunk, 0, out, FLOAT, 4 * (start - from), length);
    }
  }

  private static void readLevels(QuantizedTensor tensor, long from, long to, MemorySegment out) {
    Lattice lattice = tensor.lattice();
    BlockLayout layout = lattice.layout();
    byte[] codes = new byte[(int) Math.min(CHUNK, to - from)];
    float[] values = new float[codes.length];
    for (long start = from; start < to; start += codes.length) {
      int length = (int) Math.min(codes.length, to - start);
      MemorySegment.copy(tensor.codes(), ValueLayout.JAVA_BYTE, start, codes, 0, length);
      for (int done = 0; done < length; ) {
        int block = (int) ((start + done) / layout.blockLength());
        long left = layout.start(block) + layout.blockLength() - (start + done);
        int part = (int) Math.min(length - done, left);
        lattice.values(block, codes, done, part, values, done);
        done += part;
      }
      MemorySegment.copy(values, 0, out, FLOAT, 4 * (start - from), length);
    }
  }

  @Override
  public void close() throws IOException {
    model.close();
  }
}

package io.parq.export.floats;

import io.parq.export.ModelReader;
import io.parq.export.Rows;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Reads safetensors files of floats, whoever wrote them. */
public final class FloatsReader implements ModelReader {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int CHUNK = 1 << 14;

  private final SafetensorsReader reader;

  FloatsReader(SafetensorsReader reader) {
    this.reader = reader;
  }

  /**
   * Opens a model.
   *
   * @param path a safetensors file, index or folder as for {@link SafetensorsReader#open}
   * @return the reader, to be closed by the caller
   * @throws IOException if it is not valid
   */
  public static FloatsReader open(Path path) throws IOException {
    return new FloatsReader(SafetensorsReader.open(path));
  }

  @Override
  public List<Stored> tensors() {
    return reader.tensors().stream()
        .map(
            tensor ->
                new Stored(
                    tensor.name(),
                    tensor.dtypeName(),
                    Arrays.stream(tensor.shape()).boxed().toList(),
                    tensor.byteSize()))
        .toList();
  }

  @Override
  public void read(String name, long row, long count, MemorySegment out) throws IOException {
    TensorData tensor = reader.tensor(name);
    if (!tensor.dtype().isFloat()) {
      throw new IOException(
          "%s: %s: %s, expected floats".formatted(reader.path(), name, tensor.dtype()));
    }
    Rows rows = Rows.of(tensor.shape());
    rows.check(name, row, count, out);
    long from = row * rows.columns();
    long elements = count * rows.columns();
    float[] chunk = new float[(int) Math.min(CHUNK, elements)];
    for (long start = 0; start < elements; start += chunk.length) {
      int length = (int) Math.min(chunk.length, elements - start);
      tensor.toFloats(from + start, chunk, 0, length);
      MemorySegment.copy(chunk, 0, out, FLOAT, 4 * start, length);
    }
  }

  /** Unmaps the file. */
  @Override
  public void close() {
    reader.close();
  }
}

package io.parq.export.gguf;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.AtomicFile;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Writes one tensor, some rows at a time, and reads it back. */
final class TensorWriter {
  /** Elements that are written, or read back, at once; more if a row is longer. */
  private static final long CHUNK = 1 << 20;

  private final ModelSource model;
  private final FilePlan.Item item;
  private final AtomicFile file;
  private final long start;
  private final long dataStart;
  private final GgufReader reader;
  private final long rows;
  private final int columns;

  TensorWriter(
      ModelSource model, FilePlan.Item item, AtomicFile file, long dataStart, GgufReader reader) {
    this.model = model;
    this.item = item;
    this.file = file;
    this.dataStart = dataStart;
    this.start = dataStart + item.entry().offset();
    this.reader = reader;
    this.rows = item.entry().rows();
    this.columns = Math.toIntExact(item.entry().columns());
  }

  void write() throws IOException {
    if (item.config() == null) {
      TensorData tensor = model.plain(item.info().name());
      boolean copies = item.entry().encoding().name().equals(tensor.dtype().name());
      if (copies && item.order().isSame() && !item.plusOne()) {
        file.write(tensor.data(), start);
      } else {
        writePlain(tensor, copies);
      }
      compare((row, out) -> tensor.toFloats(row * columns, out, 0, columns));
      return;
    }
    QuantizedTensor tensor = model.quantized(item.info().name());
    try {
      writeQuantized(tensor);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(item.info().name() + ": " + e.getMessage(), e);
    }
    compare((row, out) -> tensor.toFloats(row * columns, out, 0, columns));
  }

  private void writePlain(TensorData tensor, boolean copies) throws IOException {
    if (item.entry().shape().size() == 1) {
      writeVector(tensor);
      return;
    }
    int rowBytes = Math.multiplyExact(columns, tensor.dtype().bytes());
    if (!copies) {
      throw new IllegalStateException(item + ", expected a matrix of its own type");
    }
    int most = chunkRows();
    byte[] bytes = new byte[Math.multiplyExact(most, rowBytes)];
    for (long first = 0; first < rows; first += most) {
      int count = (int) Math.min(most, rows - first);
      for (int i = 0; i < count; i++) {
        long from = item.order().modelRow(first + i) * rowBytes;
        MemorySegment.copy(
            tensor.data(), ValueLayout.JAVA_BYTE, from, bytes, i * rowBytes, rowBytes);
      }
      write(bytes, count, first, rowBytes);
    }
  }

  private void writeVector(TensorData tensor) throws IOException {
    float[] values = tensor.toFloats();
    byte[] bytes = new byte[4 * columns];
    for (int i = 0; i < columns; i++) {
      float value = values[(int) item.order().modelRow(i)] + (item.plusOne() ? 1f : 0f);
      Bytes.putInt(bytes, 4 * i, Float.floatToRawIntBits(value));
    }
    write(bytes, 1, 0, bytes.length);
  }

  private void writeQuantized(QuantizedTensor tensor) throws IOException {
    RowEncoder encoder = new RowEncoder(item.entry().encoding(), tensor);
    int rowBytes = Math.toIntExact(item.entry().encoding().rowBytes(columns));
    int most = chunkRows();
    byte[] bytes = new byte[Math.multiplyExact(most, rowBytes)];
    for (long first = 0; first < rows; first += most) {
      int count = (int) Math.min(most, rows - first);
      for (int i = 0; i < count; i++) {
        encoder.encode(item.order().modelRow(first + i), bytes, i * rowBytes);
      }
      write(bytes, count, first, rowBytes);
    }
    if (item.scale() != null) {
      byte[] scale = new byte[4];
      Bytes.putInt(scale, 0, Float.floatToRawIntBits(tensor.lattice().tensorScale()));
      file.write(MemorySegment.ofArray(scale), dataStart + item.scale().offset());
    }
  }

  private int chunkRows() {
    return (int) Math.clamp(CHUNK / columns, 1, rows);
  }

  private void write(byte[] bytes, int count, long first, int rowBytes) throws IOException {
    long length = (long) count * rowBytes;
    file.write(MemorySegment.ofArray(bytes).asSlice(0, length), start + first * rowBytes);
  }

  /** Gives the trained values of a row. */
  private interface Trained {
    void row(long row, float[] out);
  }

  /** Reads back what was written. Zeros may differ in sign. */
  private void compare(Trained trained) throws IOException {
    float[] expected = new float[columns];
    int most = chunkRows();
    float[] found = new float[Math.multiplyExact(most, columns)];
    for (long first = 0; first < rows; first += most) {
      int count = (int) Math.min(most, rows - first);
      MemorySegment values = MemorySegment.ofArray(found).asSlice(0, 4L * count * columns);
      reader.read(item.info().name(), first, count, values);
      for (int i = 0; i < count; i++) {
        trained.row(first + i, expected);
        int from = i * columns;
        if (item.plusOne()
            || Arrays.mismatch(expected, 0, columns, found, from, from + columns) >= 0) {
          compare(first + i, expected, found, from);
        }
      }
    }
  }

  private void compare(long row, float[] expected, float[] found, int from) throws IOException {
    for (int column = 0; column < columns; column++) {
      float value = item.plusOne() ? expected[column] + 1f - 1f : expected[column];
      float stored = found[from + column];
      if (value != stored && !(Float.isNaN(value) && Float.isNaN(stored))) {
        throw new GgufException(
            file.file(),
            item.info().name(),
            "row %d, column %d decodes to %s, trained was %s"
                .formatted(row, column, stored, value));
      }
    }
  }
}

package io.parq.export.gguf;

import io.parq.export.ModelSource;
import io.parq.export.TensorCodes;
import io.parq.export.TensorValues;
import io.parq.export.safetensors.AtomicFile;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes one tensor, some rows at a time. */
final class TensorWriter {
  /** Elements that are written at once; more if a row is longer. */
  private static final long CHUNK = 1 << 18;

  private final ModelSource model;
  private final FilePlan.Item item;
  private final AtomicFile file;
  private final long start;
  private final long dataStart;
  private final long rows;
  private final int columns;

  TensorWriter(ModelSource model, FilePlan.Item item, AtomicFile file, long dataStart) {
    this.model = model;
    this.item = item;
    this.file = file;
    this.dataStart = dataStart;
    this.start = dataStart + item.entry().offset();
    this.rows = item.entry().rows();
    this.columns = Math.toIntExact(item.entry().columns());
  }

  /** Writes it, and gives the values that must be read back. */
  TensorValues write() throws IOException {
    String name = item.info().name();
    if (item.config() == null) {
      TensorData tensor = model.plain(name);
      boolean copies = item.entry().encoding().name().equals(tensor.dtype().name());
      if (copies && item.order().isSame() && !item.plusOne()) {
        file.write(tensor.data(), start);
      } else {
        writePlain(tensor, copies);
      }
      return item.plusOne() ? withoutOne(tensor) : tensor::toFloats;
    }
    TensorCodes tensor = model.codes(name);
    try {
      writeQuantized(tensor);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
    return tensor;
  }

  /** Values to which 1 was added and from which it is subtracted again. */
  private static TensorValues withoutOne(TensorData tensor) {
    return (start, out, from, length) -> {
      tensor.toFloats(start, out, from, length);
      for (int i = from; i < from + length; i++) {
        out[i] = out[i] + 1f - 1f;
      }
    };
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

  private void writeQuantized(TensorCodes tensor) throws IOException {
    RowEncoder encoder = new RowEncoder(item.entry().encoding(), tensor, item.order().isSame());
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
}

package io.parq.export.onnx;

import com.google.protobuf.ByteString;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import onnx.Onnx.GraphProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/** The tensors of a graph: their types, shapes and bytes, wherever the file keeps them. */
final class Initializers {
  /**
   * A tensor.
   *
   * @param name its name
   * @param type of its elements
   * @param shape its dimensions
   * @param data its bytes, exactly as many as type and shape ask for
   */
  record Initializer(String name, DataType type, List<Long> shape, MemorySegment data) {
    long[] dimensions() {
      return shape.stream().mapToLong(Long::longValue).toArray();
    }
  }

  private final Path file;
  private final Arena arena;
  private final Map<Path, MemorySegment> mapped = new HashMap<>();
  private final Map<String, Initializer> tensors = new LinkedHashMap<>();

  Initializers(Path file, Arena arena, GraphProto graph) throws IOException {
    this.file = file;
    this.arena = arena;
    for (TensorProto tensor : graph.getInitializerList()) {
      DataType type = DataType.forNumber(tensor.getDataType());
      int bits = type == null ? 0 : bits(type);
      if (type != null && bits > 0 && tensors.put(tensor.getName(), read(tensor, type)) != null) {
        throw new IOException("%s: %s is there twice".formatted(file, tensor.getName()));
      }
    }
  }

  @Nullable Initializer find(String name) {
    return tensors.get(name);
  }

  Iterable<Initializer> all() {
    return tensors.values();
  }

  /** Bits of an element; 0 for types that hold no weights. */
  static int bits(DataType type) {
    return switch (type) {
      case INT2, UINT2 -> 2;
      case INT4, UINT4 -> 4;
      case INT8, UINT8 -> 8;
      case FLOAT16, BFLOAT16 -> 16;
      case FLOAT -> 32;
      case DOUBLE -> 64;
      default -> 0;
    };
  }

  private Initializer read(TensorProto tensor, DataType type) throws IOException {
    long[] shape = tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
    long bits = Math.multiplyExact(TensorData.elements(shape), bits(type));
    long bytes = Math.ceilDiv(bits, 8L);
    MemorySegment data =
        tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
            ? external(tensor)
            : inline(tensor, type);
    if (data.byteSize() != bytes) {
      throw new IOException(
          "%s: %s: %d bytes, expected %d for %s%s"
              .formatted(
                  file, tensor.getName(), data.byteSize(), bytes, type, tensor.getDimsList()));
    }
    return new Initializer(tensor.getName(), type, List.copyOf(tensor.getDimsList()), data);
  }

  private static MemorySegment inline(TensorProto tensor, DataType type) {
    ByteString raw = tensor.getRawData();
    if (!raw.isEmpty() || tensor.getFloatDataCount() + tensor.getInt32DataCount() == 0) {
      return MemorySegment.ofBuffer(raw.asReadOnlyByteBuffer());
    }
    if (type == DataType.FLOAT) {
      ByteBuffer floats = buffer(Math.multiplyExact(tensor.getFloatDataCount(), Float.BYTES));
      tensor.getFloatDataList().forEach(floats::putFloat);
      return MemorySegment.ofBuffer(floats.flip());
    }
    // Smaller types take an int each; those below a byte are packed before.
    boolean halves = bits(type) == 16;
    ByteBuffer integers = buffer(Math.multiplyExact(tensor.getInt32DataCount(), halves ? 2 : 1));
    for (int value : tensor.getInt32DataList()) {
      if (halves) {
        integers.putShort((short) value);
      } else {
        integers.put((byte) value);
      }
    }
    return MemorySegment.ofBuffer(integers.flip());
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private MemorySegment external(TensorProto tensor) throws IOException {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      entries.put(entry.getKey(), entry.getValue());
    }
    Path folder = file.toAbsolutePath().normalize().getParent();
    String location = entries.getOrDefault("location", "");
    Path path = folder == null ? null : folder.resolve(location).normalize();
    if (folder == null || path == null || !path.startsWith(folder) || path.equals(folder)) {
      throw new IOException(
          "%s: %s: data in '%s', expected a file beside the graph"
              .formatted(file, tensor.getName(), location));
    }
    MemorySegment whole;
    try {
      whole = map(path);
    } catch (NoSuchFileException e) {
      throw new IOException(
          "%s: %s: data in '%s', which is missing".formatted(file, tensor.getName(), location), e);
    }
    long offset = number(tensor, entries, "offset", 0);
    long length = number(tensor, entries, "length", Math.max(0, whole.byteSize() - offset));
    if (offset > whole.byteSize() || length > whole.byteSize() - offset) {
      throw new IOException(
          "%s: %s: bytes %d to %d of %s, which has %d"
              .formatted(file, tensor.getName(), offset, offset + length, path, whole.byteSize()));
    }
    return whole.asSlice(offset, length);
  }

  private MemorySegment map(Path path) throws IOException {
    MemorySegment known = mapped.get(path);
    if (known != null) {
      return known;
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment whole = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      mapped.put(path, whole);
      return whole;
    }
  }

  private long number(TensorProto tensor, Map<String, String> entries, String key, long otherwise)
      throws IOException {
    String text = entries.get(key);
    if (text == null) {
      return otherwise;
    }
    if (!text.matches("\\d{1,18}")) {
      throw new IOException(
          "%s: %s: %s '%s', expected a number of bytes"
              .formatted(file, tensor.getName(), key, text));
    }
    return Long.parseLong(text);
  }

  /** Types of float weights. */
  static final Set<DataType> FLOATS =
      Set.of(DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE);
}

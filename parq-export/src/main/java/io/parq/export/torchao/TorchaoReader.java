package io.parq.export.torchao;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.parq.export.ModelReader;
import io.parq.export.Rows;
import io.parq.export.safetensors.SafetensorsException;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.AffineBlocks;
import io.parq.grids.DType;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads checkpoints of torchao in safetensors, whoever wrote them: tensors of the type {@code
 * IntxUnpackedToInt8Tensor} and plain ones. Values are computed in the tensor's own type, as
 * torchao does, and widened.
 */
public final class TorchaoReader implements ModelReader {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final JsonMapper JSON = new JsonMapper();

  private record Intx(
      String name, String target, long blockRows, long blockColumns, DType dtype, long bytes) {}

  private final SafetensorsReader reader;
  private final Map<String, @Nullable Intx> tensors = new LinkedHashMap<>();

  private TorchaoReader(SafetensorsReader reader) throws IOException {
    this.reader = reader;
    for (JsonNode name : json(TorchaoWriter.NAMES)) {
      tensors.put(name.asText(), tensor(name.asText()));
    }
  }

  /**
   * Opens a checkpoint.
   *
   * @param path a safetensors file, index or folder as for {@link SafetensorsReader#open}
   * @return the reader, to be closed by the caller
   * @throws SafetensorsException if it is not one of torchao, holds tensors of another type, or a
   *     part is missing or of another type or shape
   * @throws IOException if it cannot be read
   */
  public static TorchaoReader open(Path path) throws IOException {
    return of(SafetensorsReader.open(path));
  }

  /** Reads files, and closes them if it cannot. */
  static TorchaoReader of(SafetensorsReader reader) throws IOException {
    try {
      return new TorchaoReader(reader);
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /**
   * {@return whether a safetensors file says that it is a checkpoint of torchao}
   *
   * @param reader the file
   */
  public static boolean isTorchao(SafetensorsReader reader) {
    return reader.metadata().containsKey(TorchaoWriter.NAMES);
  }

  private JsonNode json(String key) throws SafetensorsException {
    String text = reader.metadata().get(key);
    if (text == null) {
      throw new SafetensorsException(reader.path(), key, "no such plain value");
    }
    try {
      return JSON.readTree(text);
    } catch (JacksonException e) {
      SafetensorsException failure =
          new SafetensorsException(reader.path(), key, "not JSON: " + e.getOriginalMessage());
      failure.initCause(e);
      throw failure;
    }
  }

  private @Nullable Intx tensor(String name) throws SafetensorsException {
    JsonNode root = json(name);
    String type = root.path("_type").asText();
    if (type.equals("Tensor")) {
      part(name);
      return null;
    }
    if (!type.equals(TorchaoWriter.TYPE)) {
      throw fail(name, "tensor of type %s, expected %s".formatted(type, TorchaoWriter.TYPE));
    }
    JsonNode data = root.path("_data");
    TensorInfo codes = part(TorchaoWriter.part(name, TorchaoWriter.QDATA));
    TensorInfo scales = part(TorchaoWriter.part(name, TorchaoWriter.SCALE));
    TensorInfo zeroPoints = part(TorchaoWriter.part(name, TorchaoWriter.ZERO_POINT));
    long[] block = {
      data.path("block_size").path(0).asLong(), data.path("block_size").path(1).asLong()
    };
    long[] shape = codes.shape();
    if (codes.dtype() != DType.I8 || shape.length != 2) {
      throw fail(name, codes + ", expected I8 of rank 2");
    }
    if (block[0] < 1 || block[1] < 1 || shape[0] % block[0] != 0 || shape[1] % block[1] != 0) {
      throw fail(name, "blocks of %s for %s".formatted(Arrays.toString(block), codes));
    }
    long[] blocks = {shape[0] / block[0], shape[1] / block[1]};
    check(name, scales, blocks, DType.F32, DType.BF16, DType.F16);
    check(name, zeroPoints, blocks, DType.I8, DType.F32, DType.BF16, DType.F16);
    long bytes = codes.byteSize() + scales.byteSize() + zeroPoints.byteSize();
    String target = data.path("target_dtype").path("_data").asText();
    DType dtype = dtype(name, data.path("dtype").path("_data").asText());
    return new Intx(name, target, block[0], block[1], dtype, bytes);
  }

  private TensorInfo part(String name) throws SafetensorsException {
    TensorInfo info = reader.find(name);
    if (info == null) {
      throw fail(name, "missing");
    }
    return info;
  }

  private void check(String name, TensorInfo part, long[] shape, DType... types)
      throws SafetensorsException {
    if (!Arrays.equals(part.shape(), shape) || !Arrays.asList(types).contains(part.dtype())) {
      throw fail(
          name,
          "%s, expected shape %s and one of %s"
              .formatted(part, Arrays.toString(shape), Arrays.toString(types)));
    }
  }

  private DType dtype(String name, String text) throws SafetensorsException {
    return switch (text) {
      case "float32" -> DType.F32;
      case "bfloat16" -> DType.BF16;
      case "float16" -> DType.F16;
      default ->
          throw fail(name, "dtype '%s', expected float32, bfloat16 or float16".formatted(text));
    };
  }

  private SafetensorsException fail(String tensor, String problem) {
    return new SafetensorsException(reader.path(), tensor, problem);
  }

  @Override
  public List<Stored> tensors() {
    return tensors.keySet().stream().map(this::stored).toList();
  }

  private Stored stored(String name) {
    Intx intx = tensors.get(name);
    TensorInfo info =
        reader.find(intx == null ? name : TorchaoWriter.part(name, TorchaoWriter.QDATA));
    if (info == null) {
      throw new IllegalStateException(name); // was there when this was opened
    }
    return new Stored(
        name,
        intx == null ? info.dtypeName() : intx.target() + " in int8",
        Arrays.stream(info.shape()).boxed().toList(),
        intx == null ? info.byteSize() : intx.bytes());
  }

  @Override
  public void read(String name, long row, long count, MemorySegment out) throws IOException {
    Intx intx = tensors.get(name);
    TensorData tensor =
        reader.tensor(intx == null ? name : TorchaoWriter.part(name, TorchaoWriter.QDATA));
    Rows rows = Rows.of(tensor.shape());
    rows.check(name, row, count, out);
    int columns = Math.toIntExact(rows.columns());
    float[] values = new float[columns];
    Blocks blocks = intx == null ? null : new Blocks(intx, columns);
    for (long i = 0; i < count; i++) {
      if (blocks == null) {
        plainRow(name, tensor, (row + i) * columns, values);
      } else {
        blocks.row(tensor.data(), row + i, values);
      }
      MemorySegment.copy(values, 0, out, FLOAT, 4 * i * columns, columns);
    }
  }

  private void plainRow(String name, TensorData tensor, long start, float[] values)
      throws SafetensorsException {
    if (!tensor.dtype().isFloat()) {
      throw fail(name, tensor.dtype() + ", expected floats");
    }
    tensor.toFloats(start, values, 0, values.length);
  }

  /** Scales and zero points of a tensor, and buffers for a row. */
  private final class Blocks {
    private final Intx intx;
    private final TensorData scale;
    private final TensorData zero;
    private final float[] scales;
    private final float[] zeros;
    private final byte[] bytes;
    private final byte[] codes;

    Blocks(Intx intx, int columns) throws SafetensorsException {
      this.intx = intx;
      this.scale = reader.tensor(TorchaoWriter.part(intx.name(), TorchaoWriter.SCALE));
      this.zero = reader.tensor(TorchaoWriter.part(intx.name(), TorchaoWriter.ZERO_POINT));
      this.scales = new float[(int) scale.shape()[1]];
      this.zeros = new float[scales.length];
      this.bytes = new byte[scales.length];
      this.codes = new byte[columns];
    }

    void row(MemorySegment qdata, long row, float[] values) {
      long first = row / intx.blockRows() * scales.length;
      scale.toFloats(first, scales, 0, scales.length);
      if (zero.dtype() == DType.I8) {
        MemorySegment.copy(zero.data(), ValueLayout.JAVA_BYTE, first, bytes, 0, bytes.length);
        for (int i = 0; i < zeros.length; i++) {
          zeros[i] = bytes[i];
        }
      } else {
        zero.toFloats(first, zeros, 0, zeros.length);
      }
      MemorySegment.copy(qdata, ValueLayout.JAVA_BYTE, row * codes.length, codes, 0, codes.length);
      int length = (int) Math.min(codes.length, intx.blockColumns());
      if (intx.dtype() == DType.F32) {
        new AffineBlocks(length, scales, zeros, 0f, null)
            .values(0, codes, 0, codes.length, values, 0);
        return;
      }
      for (int block = 0; block < scales.length; block++) {
        block(block * length, length, scales[block], zeros[block], values);
      }
    }

    private void block(int from, int length, float scale, float zero, float[] values) {
      for (int i = from; i < from + length; i++) {
        values[i] = round(intx.dtype(), round(intx.dtype(), codes[i] - zero) * scale);
      }
    }
  }

  private static float round(DType dtype, float value) {
    return switch (dtype) {
      case BF16 -> SmallFloat.fromBf16(SmallFloat.toBf16(value));
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      default -> value;
    };
  }

  /** Unmaps the file. */
  @Override
  public void close() {
    reader.close();
  }
}

package io.parq.export.floats;

import io.parq.export.FolderWriter;
import io.parq.export.ModelFiles;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.Rows;
import io.parq.export.SourceReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.SmallFloat;
import io.parq.grids.Target;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a Hugging Face folder whose weights are floats: quantized ones lie on their levels. In
 * single precision other weights keep their type; in bfloat16 they must be exact in it too.
 */
public final class FloatsWriter extends FolderWriter {
  /** Elements that are rounded at a time. */
  private static final int PIECE = 1 << 12;

  private final FloatsTarget target;

  /** Makes a writer of single precision. */
  public FloatsWriter() {
    this(DType.F32, SHARD_BYTES);
  }

  /**
   * Makes a writer.
   *
   * @param dtype F32, or BF16 for all weights
   * @param maxShardBytes bytes of data in a file of weights, at least 1
   * @throws IllegalArgumentException if the type is another or {@code maxShardBytes} below 1
   */
  public FloatsWriter(DType dtype, long maxShardBytes) {
    super(maxShardBytes);
    this.target = new FloatsTarget(dtype);
  }

  @Override
  public Target target() {
    return target;
  }

  @Override
  protected List<TensorInfo> declare(TensorInfo tensor, @Nullable QuantConfig config) {
    boolean same = config == null && target.dtype() == DType.F32;
    return List.of(same ? tensor : TensorInfo.of(tensor.name(), target.dtype(), tensor.shape()));
  }

  @Override
  protected Map<String, String> metadata(ModelSource model) {
    return Map.of();
  }

  @Override
  protected void config(Path from, Path to) throws IOException {
    ModelFiles.copyConfig(from, to, target.dtype() == DType.F32 ? "float32" : "bfloat16", null);
  }

  @Override
  protected ModelReader open(Path folder) throws IOException {
    return FloatsReader.open(folder);
  }

  @Override
  @SuppressWarnings("resource") // the model is the caller's
  protected void put(ModelSource model, TensorInfo tensor, SafetensorsWriter out)
      throws IOException {
    boolean plain = model.config(tensor.name()) == null;
    if (plain && (target.dtype() == DType.F32 || tensor.dtype() == DType.BF16)) {
      out.put(tensor.name(), model.plain(tensor.name()).data());
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(4 * tensor.elements(), Long.BYTES);
      long rows = Rows.of(tensor.shape()).rows();
      new SourceReader(model).read(tensor.name(), 0, rows, values);
      out.put(tensor.name(), target.dtype() == DType.F32 ? values : narrow(values, arena));
    }
  }

  private static MemorySegment narrow(MemorySegment values, Arena arena) {
    long elements = values.byteSize() / 4;
    MemorySegment narrow = arena.allocate(2 * elements, Long.BYTES);
    float[] wide = new float[(int) Math.min(PIECE, elements)];
    short[] bits = new short[wide.length];
    for (long i = 0; i < elements; i += PIECE) {
      int n = (int) Math.min(PIECE, elements - i);
      MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, 4 * i, wide, 0, n);
      SmallFloat.toBf16(wide, 0, bits, 0, n);
      MemorySegment.copy(bits, 0, narrow, ValueLayout.JAVA_SHORT, 2 * i, n);
    }
    return narrow;
  }
}

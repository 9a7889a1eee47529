package io.parq.export.floats;

import io.parq.export.FolderWriter;
import io.parq.export.ModelFiles;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.TensorValues;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.SmallFloat;
import io.parq.grids.Target;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a Hugging Face folder whose weights are floats: quantized ones lie on their levels. In
 * single precision other weights keep their type; in bfloat16 they must be exact in it too.
 */
public final class FloatsWriter extends FolderWriter {
  /** Elements that are written at a time. */
  private static final int PIECE = 1 << 16;

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
  protected ModelReader open(SafetensorsReader files) {
    return new FloatsReader(files);
  }

  @Override
  protected TensorValues put(ModelSource model, TensorInfo tensor, SafetensorsWriter out)
      throws IOException {
    String name = tensor.name();
    if (model.config(name) != null) {
      TensorValues values = model.codes(name);
      out.put(name, new Pieces(values, tensor.elements(), target.dtype()));
      return values;
    }
    TensorData plain = model.plain(name);
    if (target.dtype() == DType.F32 || tensor.dtype() == DType.BF16) {
      out.put(name, plain.data());
    } else {
      out.put(name, new Pieces(plain::toFloats, tensor.elements(), DType.BF16));
    }
    return plain::toFloats;
  }

  /** Values of a tensor as they are stored, in the same memory each time. */
  private static final class Pieces implements SafetensorsWriter.Pieces {
    private final TensorValues values;
    private final long elements;
    private final float[] wide;
    private final short @Nullable [] narrow;
    private long done;

    Pieces(TensorValues values, long elements, DType type) {
      this.values = values;
      this.elements = elements;
      this.wide = new float[(int) Math.min(PIECE, elements)];
      this.narrow = type == DType.BF16 ? new short[wide.length] : null;
    }

    @Override
    public @Nullable MemorySegment next() throws IOException {
      int n = (int) Math.min(PIECE, elements - done);
      if (n == 0) {
        return null;
      }
      values.toFloats(done, wide, 0, n);
      done += n;
      if (narrow == null) {
        return MemorySegment.ofArray(wide).asSlice(0, (long) Float.BYTES * n);
      }
      SmallFloat.toBf16(wide, 0, narrow, 0, n);
      return MemorySegment.ofArray(narrow).asSlice(0, (long) Short.BYTES * n);
    }
  }
}

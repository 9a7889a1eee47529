package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** A matrix of floats, {@code [tile][column][row]}. */
final class FloatMatrix extends PackedMatrix {
  private static final int ALIGNMENT = 64;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;

  private final DType type;
  private final MemorySegment data;

  private FloatMatrix(Geometry geometry, MatrixKernels kernels, DType type, MemorySegment data) {
    super(geometry, kernels);
    this.type = type;
    this.data = data;
  }

  static FloatMatrix of(TensorData tensor, MatrixKernels kernels) {
    DType type = tensor.dtype();
    if (type != DType.F32 && type != DType.BF16 && type != DType.F16) {
      throw new IllegalArgumentException(type + " elements, expected F32, BF16 or F16");
    }
    int columns = (int) tensor.shape()[1];
    Geometry geometry = new Geometry(tensor.shape()[0], columns, columns, kernels.lanes());
    long rows = Math.multiplyExact((long) geometry.tiles(), geometry.tileRows());
    long bytes = Math.multiplyExact(rows, (long) geometry.columnsPadded() * type.bytes());
    FloatMatrix matrix =
        new FloatMatrix(geometry, kernels, type, Arena.ofAuto().allocate(bytes, ALIGNMENT));
    float[] values = new float[columns];
    for (int row = 0; row < geometry.rows(); row++) {
      tensor.toFloats((long) row * columns, values, 0, columns);
      for (int column = 0; column < columns; column++) {
        matrix.put(row, column, values[column]);
      }
    }
    return matrix;
  }

  private long address(int row, int column) {
    int rows = geometry.tileRows();
    long inTiles = (long) (row / rows) * geometry.columnsPadded() + column;
    return (inTiles * rows + row % rows) * type.bytes();
  }

  /** Stores what was widened from the same type: nothing is rounded. */
  private void put(int row, int column, float value) {
    long at = address(row, column);
    switch (type) {
      case F32 -> data.set(FLOAT, at, value);
      case BF16 -> data.set(SHORT, at, SmallFloat.toBf16(value));
      default -> data.set(SHORT, at, Float.floatToFloat16(value));
    }
  }

  @Override
  float value(int row, int column) {
    long at = address(row, column);
    return switch (type) {
      case F32 -> data.get(FLOAT, at);
      case BF16 -> SmallFloat.fromBf16(data.get(SHORT, at));
      default -> Float.float16ToFloat(data.get(SHORT, at));
    };
  }

  @Override
  public long byteSize() {
    return data.byteSize();
  }

  @Override
  Term product(float[] x, @Nullable ActivationQuantization activations) {
    float[] rounded = quantized(x, 1, activations);
    if (type != DType.F32) {
      return decodedProduct(rounded);
    }
    int columns = columns();
    return (tile, y) ->
        kernels.dense(
            data, address(tile * geometry.tileRows(), 0), columns, rounded, 0, columns, 1, y);
  }

  @Override
  void decode(int tile, int column, int count, float[] out) {
    long at = address(tile * geometry.tileRows(), column);
    int length = count * geometry.tileRows();
    if (type == DType.F32) {
      MemorySegment.copy(data, FLOAT, at, out, 0, length);
      return;
    }
    short[] bits = new short[length];
    MemorySegment.copy(data, SHORT, at, bits, 0, length);
    if (type == DType.BF16) {
      for (int i = 0; i < length; i++) {
        out[i] = Float.intBitsToFloat(bits[i] << 16);
      }
    } else {
      for (int i = 0; i < length; i++) {
        out[i] = Float.float16ToFloat(bits[i]);
      }
    }
  }
}

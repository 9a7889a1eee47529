package io.parq.runtime;

import io.parq.grids.DType;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.util.List;

/** A matrix of floats. All weights are in the memory of a plane. */
final class FloatMatrix extends PackedMatrix {
  private static final List<DType> TYPES = List.of(DType.F32, DType.BF16, DType.F16);

  private final DType type;
  private final Plane plane;

  private FloatMatrix(Geometry geometry, MatrixKernels kernels, DType type, Plane plane) {
    super(geometry, kernels);
    this.type = type;
    this.plane = plane;
  }

  static FloatMatrix of(TensorData tensor, MatrixKernels kernels) {
    DType type = tensor.dtype();
    if (!TYPES.contains(type)) {
      throw new IllegalArgumentException(type + " elements, expected F32, BF16 or F16");
    }
    int columns = (int) tensor.shape()[1];
    Geometry geometry = new Geometry(tensor.shape()[0], columns, columns);
    Plane plane = Plane.allocate(type.bytes() * Byte.SIZE, geometry);
    FloatMatrix matrix = new FloatMatrix(geometry, kernels, type, plane);
    Team.shared()
        .run(
            geometry.tiles(),
            tile -> {
              float[] values = new float[columns];
              long from = (long) tile * Geometry.TILE;
              long to = Math.min(from + Geometry.TILE, geometry.rows());
              for (long row = from; row < to; row++) {
                tensor.toFloats(row * columns, values, 0, columns);
                for (int column = 0; column < columns; column++) {
                  matrix.put(row, column, values[column]);
                }
              }
            });
    return matrix;
  }

  static FloatMatrix of(MatrixImage image, MatrixKernels kernels) {
    DType type = TYPES.get(image.numbers().getFirst());
    Geometry geometry = image.geometry();
    Plane plane = Plane.of(type.bytes() * Byte.SIZE, geometry, image.memory().getFirst());
    return new FloatMatrix(geometry, kernels, type, plane);
  }

  @Override
  MatrixImage image() {
    List<Integer> numbers = List.of(TYPES.indexOf(type));
    return new MatrixImage(MatrixImage.Kind.FLOAT, geometry, numbers, List.of(plane.words()));
  }

  /** Stores what was widened from the same type: nothing is rounded. */
  private void put(long row, int column, float value) {
    int bits =
        switch (type) {
          case F32 -> Float.floatToRawIntBits(value);
          case BF16 -> SmallFloat.toBf16(value);
          default -> Float.floatToFloat16(value);
        };
    plane.put(row, column, bits);
  }

  /** A number by its bits. */
  static float value(DType type, int bits) {
    return switch (type) {
      case F32 -> Float.intBitsToFloat(bits);
      case BF16 -> SmallFloat.fromBf16((short) bits);
      default -> Float.float16ToFloat((short) bits);
    };
  }

  @Override
  void unit(int row, int column, float[] values) {
    for (int i = 0; i < Geometry.UNIT; i++) {
      values[i] = value(type, plane.get(row, column + i));
    }
  }

  @Override
  public long byteSize() {
    return plane.words().byteSize();
  }

  @Override
  Term product(Input x, int token) {
    float[] padded = geometry.pad(x.values(), token);
    return (tile, y, yAt) -> kernels.multiply(plane, type, tile, padded, y, yAt);
  }

  @Override
  void unpack(int tile, int column, int count, float[] out) {
    kernels.convert(plane, type, tile, column, count, out);
  }
}

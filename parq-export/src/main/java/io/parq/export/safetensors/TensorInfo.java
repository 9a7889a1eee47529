package io.parq.export.safetensors;

import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What a file says of a tensor: name, element type, shape and size, without the elements. */
public final class TensorInfo {
  private final String name;
  private final String dtypeName;
  private final long[] shape;
  private final long byteSize;

  TensorInfo(String name, String dtypeName, long[] shape, long byteSize) {
    this.name = name;
    this.dtypeName = dtypeName;
    this.shape = shape;
    this.byteSize = byteSize;
  }

  /**
   * Describes a tensor of a known type.
   *
   * @param name its name
   * @param dtype element type
   * @param shape dimensions, each at least 0; none for a scalar; copied
   * @return the description
   * @throws IllegalArgumentException if a dimension is negative
   * @throws ArithmeticException if the size overflows a {@code long}
   */
  public static TensorInfo of(String name, DType dtype, long... shape) {
    long bytes = Math.multiplyExact(TensorData.elements(shape), dtype.bytes());
    return new TensorInfo(name, dtype.name(), shape.clone(), bytes);
  }

  /**
   * Describes a tensor in memory.
   *
   * @param name its name
   * @param tensor the tensor
   * @return the description
   */
  public static TensorInfo of(String name, TensorData tensor) {
    return of(name, tensor.dtype(), tensor.shape());
  }

  /**
   * {@return the same description under another name}
   *
   * @param other the name
   */
  public TensorInfo named(String other) {
    return new TensorInfo(other, dtypeName, shape, byteSize);
  }

  static @Nullable DType dtype(String name) {
    for (DType type : DType.values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }

  /** {@return the tensor's name} */
  public String name() {
    return name;
  }

  /** {@return the element type, or null if this version does not know it} */
  public @Nullable DType dtype() {
    return dtype(dtypeName);
  }

  /** {@return the element type as the file spells it, known or not} */
  public String dtypeName() {
    return dtypeName;
  }

  /** {@return the dimensions, a copy} */
  public long[] shape() {
    return shape.clone();
  }

  /** {@return the number of elements} */
  public long elements() {
    return TensorData.elements(shape);
  }

  /** {@return the bytes that the elements take} */
  public long byteSize() {
    return byteSize;
  }

  /** {@return the bytes an element takes, 0 for types below a byte} */
  long elementBytes() {
    return byteSize / Math.max(1, elements());
  }

  @Override
  public String toString() {
    return name + " " + dtypeName + Arrays.toString(shape);
  }
}

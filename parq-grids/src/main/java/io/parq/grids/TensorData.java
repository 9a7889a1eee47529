package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A dense row-major tensor: element type, shape, and the memory that holds its little-endian
 * elements (a heap array, native memory or a mapped file). It is a view: the memory is not copied
 * and not owned.
 */
public final class TensorData {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final DType dtype;
  private final long[] shape;
  private final MemorySegment data;

  /**
   * Views memory as a tensor.
   *
   * @param dtype element type
   * @param shape dimensions, each at least 0; none for a scalar; copied
   * @param data exactly the elements' bytes; kept, not copied
   * @throws IllegalArgumentException if a dimension is negative or the byte size does not match
   * @throws ArithmeticException if the size overflows a {@code long}
   */
  public TensorData(DType dtype, long[] shape, MemorySegment data) {
    this.dtype = dtype;
    this.shape = shape.clone();
    this.data = data;
    long bytes = Math.multiplyExact(elements(shape), dtype.bytes());
    if (data.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "%s tensor of shape %s takes %d bytes, found %d"
              .formatted(dtype, Arrays.toString(shape), bytes, data.byteSize()));
    }
  }

  /**
   * Views a heap array as an F32 tensor.
   *
   * @param values the elements, row-major; kept, not copied
   * @param shape dimensions; copied
   * @return the view
   */
  public static TensorData of(float[] values, long... shape) {
    return new TensorData(DType.F32, shape, MemorySegment.ofArray(values));
  }

  /**
   * Counts the elements of a shape.
   *
   * @param shape dimensions, each at least 0; not modified
   * @return their product, 1 for a scalar
   * @throws IllegalArgumentException if a dimension is negative
   * @throws ArithmeticException if the product overflows a {@code long}
   */
  public static long elements(long[] shape) {
    long product = 1;
    for (long dimension : shape) {
      if (dimension < 0) {
        throw new IllegalArgumentException("negative dimension in " + Arrays.toString(shape));
      }
      product = Math.multiplyExact(product, dimension);
    }
    return product;
  }

  /** {@return the element type} */
  public DType dtype() {
    return dtype;
  }

  /** {@return the dimensions, a copy} */
  public long[] shape() {
    return shape.clone();
  }

  /** {@return the memory that holds the elements, not a copy} */
  public MemorySegment data() {
    return data;
  }

  /** {@return the number of elements} */
  public long elements() {
    return elements(shape);
  }

  /**
   * Decodes a range of floating-point elements to single precision; doubles are rounded to nearest
   * even, NaN stays NaN.
   *
   * @param start first element
   * @param out receives the values; modified
   * @param from first index in {@code out}
   * @param length number of elements
   * @throws IllegalArgumentException if the element type is not a float format
   * @throws IndexOutOfBoundsException if a range does not fit
   */
  public void toFloats(long start, float[] out, int from, int length) {
    java.util.Objects.checkFromIndexSize(start, length, elements());
    java.util.Objects.checkFromIndexSize(from, length, out.length);
    switch (dtype) {
      case F32 -> MemorySegment.copy(data, FLOAT, 4 * start, out, from, length);
      case F64 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = (float) data.get(DOUBLE, 8 * (start + i));
        }
      }
      case F16 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = Float.float16ToFloat(data.get(SHORT, 2 * (start + i)));
        }
      }
      case BF16 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromBf16(data.get(SHORT, 2 * (start + i)));
        }
      }
      case F8_E4M3 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromE4m3(data.get(ValueLayout.JAVA_BYTE, start + i));
        }
      }
      case F8_E5M2 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromE5m2(data.get(ValueLayout.JAVA_BYTE, start + i));
        }
      }
      case F8_E8M0 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromE8m0(data.get(ValueLayout.JAVA_BYTE, start + i));
        }
      }
      default ->
          throw new IllegalArgumentException(dtype + " elements, expected a floating-point type");
    }
  }

  /**
   * Decodes all elements to a new array.
   *
   * @return the values in single precision
   * @throws IllegalArgumentException if the type is not a float format or there are more than 2^31
   *     - 1 elements
   */
  public float[] toFloats() {
    long n = elements();
    if (n > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(n + " elements do not fit in one array");
    }
    float[] out = new float[(int) n];
    toFloats(0, out, 0, out.length);
    return out;
  }

  @Override
  public String toString() {
    return dtype + Arrays.toString(shape);
  }
}

package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * A dense row-major tensor: element type, shape, and the memory that holds its little-endian
 * elements (heap arrays, native memory or a mapped file), in one part or several. It is a view: the
 * memory is not copied and not owned.
 */
public final class TensorData {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** 16-bit numbers that are widened at a time. */
  private static final int PIECE = 1 << 12;

  private final DType dtype;
  private final long[] shape;
  private final List<MemorySegment> parts;

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
    this(dtype, shape, List.of(data));
  }

  /**
   * Views memory in several parts as a tensor.
   *
   * @param dtype element type
   * @param shape dimensions, each at least 0; none for a scalar; copied
   * @param parts one after the other exactly the elements' bytes; kept, not copied
   * @throws IllegalArgumentException if a dimension is negative or the byte size does not match
   * @throws ArithmeticException if the size overflows a {@code long}
   */
  public TensorData(DType dtype, long[] shape, List<MemorySegment> parts) {
    this.dtype = dtype;
    this.shape = shape.clone();
    this.parts = List.copyOf(parts);
    long bytes = Math.multiplyExact(elements(shape), dtype.bytes());
    long found = parts.stream().mapToLong(MemorySegment::byteSize).sum();
    if (found != bytes) {
      throw new IllegalArgumentException(
          "%s tensor of shape %s takes %d bytes, found %d"
              .formatted(dtype, Arrays.toString(shape), bytes, found));
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

  /**
   * {@return the memory that holds the elements: not a copy, unless it is in several parts}
   *
   * @throws ArithmeticException if it is in several parts and of 16 GiB or more
   */
  public MemorySegment data() {
    return range(0, byteSize());
  }

  /** {@return the memory that holds the elements, part by part, not a copy} */
  public List<MemorySegment> parts() {
    return parts;
  }

  /**
   * {@return a tensor of the same elements in a heap array of its own}
   *
   * @throws ArithmeticException if it is of 16 GiB or more
   */
  public TensorData copy() {
    return new TensorData(dtype, shape, gather(0, byteSize()));
  }

  private long byteSize() {
    return dtype.bytes() * elements();
  }

  /** Some of the bytes; a copy only if they are in several parts. */
  private MemorySegment range(long start, long length) {
    return parts.size() == 1 ? parts.getFirst().asSlice(start, length) : gather(start, length);
  }

  private MemorySegment gather(long start, long length) {
    // Longs, so that elements of any type are aligned.
    long words = Math.ceilDiv(length, Long.BYTES);
    MemorySegment target =
        MemorySegment.ofArray(new long[Math.toIntExact(words)]).asSlice(0, length);
    long position = -start; // of a part within the target
    for (MemorySegment part : parts) {
      long from = Math.max(0, -position);
      long to = Math.min(part.byteSize(), length - position);
      if (from < to) {
        MemorySegment.copy(part, from, target, position + from, to - from);
      }
      position += part.byteSize();
    }
    return target;
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
    decode(range(dtype.bytes() * start, (long) dtype.bytes() * length), out, from, length);
  }

  private void decode(MemorySegment data, float[] out, int from, int length) {
    switch (dtype) {
      case F32 -> MemorySegment.copy(data, FLOAT, 0, out, from, length);
      case F64 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = (float) data.get(DOUBLE, 8L * i);
        }
      }
      case F16, BF16 -> decodeHalves(data, out, from, length);
      case F8_E4M3 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromE4m3(data.get(ValueLayout.JAVA_BYTE, i));
        }
      }
      case F8_E5M2 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromE5m2(data.get(ValueLayout.JAVA_BYTE, i));
        }
      }
      case F8_E8M0 -> {
        for (int i = 0; i < length; i++) {
          out[from + i] = SmallFloat.fromE8m0(data.get(ValueLayout.JAVA_BYTE, i));
        }
      }
      default ->
          throw new IllegalArgumentException(dtype + " elements, expected a floating-point type");
    }
  }

  /** By way of an array, since no loop over segments of all kinds is vectorized. */
  private void decodeHalves(MemorySegment data, float[] out, int from, int length) {
    short[] bits = new short[Math.min(length, PIECE)];
    for (int i = 0; i < length; i += bits.length) {
      int n = Math.min(bits.length, length - i);
      MemorySegment.copy(data, SHORT, 2L * i, bits, 0, n);
      if (dtype == DType.BF16) {
        SmallFloat.fromBf16(bits, 0, out, from + i, n);
      } else {
        SmallFloat.fromFp16(bits, 0, out, from + i, n);
      }
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

package io.parq.optim;

import io.parq.grids.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Moves floats between memory segments and arrays; positions count floats. */
final class Floats {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfInt BITS = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfFloat STORED =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;
  private static final int NOT_FINITE = 0x7f800000;

  private Floats() {}

  /** New memory for n floats, all zero. */
  static MemorySegment allocate(long n) {
    return n <= LARGEST_ARRAY
        ? MemorySegment.ofArray(new float[(int) n])
        : Arena.ofAuto().allocate(Math.multiplyExact(n, 4L), 64);
  }

  /** New memory for n bytes, all zero. */
  static MemorySegment allocateBytes(long n) {
    return n <= LARGEST_ARRAY
        ? MemorySegment.ofArray(new byte[(int) n])
        : Arena.ofAuto().allocate(n, 64);
  }

  static void load(MemorySegment source, long start, float[] target, int length) {
    MemorySegment.copy(source, FLOAT, 4 * start, target, 0, length);
  }

  static void store(float[] source, int length, MemorySegment target, long start) {
    MemorySegment.copy(source, 0, target, FLOAT, 4 * start, length);
  }

  /** Whether a run of floats holds neither NaN nor infinity. */
  static boolean isFinite(MemorySegment memory, long start, int length) {
    // Integers, since the compiler vectorizes their maximum.
    int largest = 0;
    long base = 4 * start;
    for (int i = 0; i < length; i++) {
      largest = Math.max(largest, memory.get(BITS, base + 4L * i) & 0x7fffffff);
    }
    return largest < NOT_FINITE;
  }

  /** Whether the first elements are neither NaN nor infinite. */
  static boolean isFinite(float[] x, int length) {
    float largest = 0;
    for (int i = 0; i < length; i++) {
      largest = Math.max(largest, Math.abs(x[i]));
    }
    return largest < Float.POSITIVE_INFINITY;
  }

  /** Read-only, in the byte order of stored tensors: not copied where that is the machine's own. */
  static MemorySegment stored(MemorySegment memory) {
    if (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      return memory.asReadOnly();
    }
    long length = memory.byteSize() / 4;
    MemorySegment target = allocate(length);
    MemorySegment.copy(memory, FLOAT, 0, target, STORED, 0, length);
    return target;
  }

  static void fromStored(TensorData source, MemorySegment target) {
    long start = 0;
    for (MemorySegment part : source.parts()) {
      MemorySegment.copy(part, STORED, 0, target, FLOAT, start, part.byteSize() / 4);
      start += part.byteSize();
    }
  }
}

package io.parq.optim;

import io.parq.grids.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Moves floats between memory segments and arrays; positions count floats. */
final class Floats {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfFloat STORED =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

  private Floats() {}

  /** New memory for n floats, all zero. */
  static MemorySegment allocate(long n) {
    return n <= LARGEST_ARRAY ? MemorySegment.ofArray(new float[(int) n]) : allocateNative(n);
  }

  /** New memory for n bytes, all zero. */
  static MemorySegment allocateBytes(long n) {
    return n <= LARGEST_ARRAY
        ? MemorySegment.ofArray(new byte[(int) n])
        : Arena.ofAuto().allocate(n, 64);
  }

  /** New native memory for n floats. */
  static MemorySegment allocateNative(long n) {
    return Arena.ofAuto().allocate(Math.multiplyExact(n, 4L), 64);
  }

  static void load(MemorySegment source, long start, float[] target, int from, int length) {
    MemorySegment.copy(source, FLOAT, 4 * start, target, from, length);
  }

  static void store(float[] source, int from, int length, MemorySegment target, long start) {
    MemorySegment.copy(source, from, target, FLOAT, 4 * start, length);
  }

  /** Whether a run of elements holds neither NaN nor infinity. */
  static boolean isFinite(float[] x, int from, int to) {
    float largest = 0;
    for (int i = from; i < to; i++) {
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

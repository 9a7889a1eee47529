package io.parq.optim;

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

  /** Writes in the byte order of stored tensors. */
  static void toStored(float[] source, MemorySegment target, long start) {
    MemorySegment.copy(source, 0, target, STORED, 4 * start, source.length);
  }

  /** A copy in the byte order of stored tensors. */
  static MemorySegment toStored(MemorySegment source) {
    long length = source.byteSize() / 4;
    MemorySegment target = allocate(length);
    MemorySegment.copy(source, FLOAT, 0, target, STORED, 0, length);
    return target;
  }

  static void fromStored(MemorySegment source, long start, float[] target) {
    MemorySegment.copy(source, STORED, 4 * start, target, 0, target.length);
  }

  static void fromStored(MemorySegment source, MemorySegment target) {
    MemorySegment.copy(source, STORED, 0, target, FLOAT, 0, target.byteSize() / 4);
  }
}

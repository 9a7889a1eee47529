package io.parq.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * A value for every group of every row, {@code [tile][group][row]}: single precision, or bfloat16
 * where that is exact. Of bfloat16 values, those of the first and second half of a tile's rows lie
 * in the lower and upper halves of 32-bit words. The memory is native and aligned to 64 bytes.
 *
 * @param brief whether they are bfloat16
 * @param geometry of the matrix
 * @param values the memory
 */
record Scales(boolean brief, Geometry geometry, MemorySegment values) {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int UPPER = 0xFFFF0000;

  /** Half of a tile's rows. */
  static final int HALF = Geometry.TILE / 2;

  Scales {
    Plane.checkNative(values);
  }

  /** All zero. */
  static Scales allocate(boolean brief, Geometry geometry) {
    long bytes = byteSize(brief, geometry);
    return new Scales(brief, geometry, Arena.ofAuto().allocate(bytes, Plane.ALIGNMENT));
  }

  /**
   * Those in memory that they were in before.
   *
   * @throws IllegalArgumentException if it is of another size
   */
  static Scales of(boolean brief, Geometry geometry, MemorySegment values) {
    if (values.byteSize() != byteSize(brief, geometry)) {
      throw new IllegalArgumentException(
          "scales of %d bytes, expected %d"
              .formatted(values.byteSize(), byteSize(brief, geometry)));
    }
    return new Scales(brief, geometry, values);
  }

  private static long byteSize(boolean brief, Geometry geometry) {
    return Math.multiplyExact(geometry.perGroup(), brief ? Short.BYTES : Float.BYTES);
  }

  /** Bytes of a group of a tile. */
  private int groupBytes() {
    return Geometry.TILE * (brief ? Short.BYTES : Float.BYTES);
  }

  /** Where those of a group of a tile are in {@link Memory#ALL}; the next group's follow. */
  long address(int tile, int group) {
    long at = at(tile, group);
    Objects.checkFromIndexSize(at, groupBytes(), values.byteSize());
    return values.address() + at;
  }

  private long at(int tile, int group) {
    return ((long) tile * geometry.groups() + group) * groupBytes();
  }

  private long at(long row, int group) {
    long at = geometry.perGroupAt(row, group);
    if (!brief) {
      return at * Float.BYTES;
    }
    int inTile = (int) (row % Geometry.TILE);
    return (at - inTile) * Short.BYTES
        + inTile % HALF * (long) Integer.BYTES
        + inTile / HALF * (long) Short.BYTES;
  }

  void set(long row, int group, float value) {
    if (brief) {
      values.set(SHORT, at(row, group), (short) (Float.floatToRawIntBits(value) >>> 16));
    } else {
      values.set(FLOAT, at(row, group), value);
    }
  }

  float get(long row, int group) {
    long at = at(row, group);
    return brief ? Float.intBitsToFloat(values.get(SHORT, at) << 16) : values.get(FLOAT, at);
  }

  /** Those of a group of a tile, one for each row. */
  void copy(int tile, int group, float[] out) {
    if (!brief) {
      MemorySegment.copy(values, FLOAT, at(tile, group), out, 0, Geometry.TILE);
      return;
    }
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    int[] words = scratch.ints(HALF);
    MemorySegment.copy(values, INT, at(tile, group), words, 0, words.length);
    for (int i = 0; i < HALF; i++) {
      out[i] = Float.intBitsToFloat(words[i] << Short.SIZE);
      out[i + HALF] = Float.intBitsToFloat(words[i] & UPPER);
    }
    scratch.release(mark);
  }
}

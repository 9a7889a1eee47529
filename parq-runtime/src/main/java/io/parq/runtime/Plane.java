package io.parq.runtime;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Fields of {@code bits} bits, packed for streaming. A row takes 16 bits of each step; the steps of
 * the rows of a row block are neighbours, with the first half of the rows in the lower halves of
 * 32-bit words and the second half in the upper ones (of 32 rows, little-endian):
 *
 * <pre>
 * step 0: row 0, row 16, row 1, row 17, .. row 15, row 31; step 1: row 0, ..
 * </pre>
 *
 * <p>{@link Geometry#UNIT} columns take {@code bits} steps. Of 1, 2, 4, 8 and 16 bits, the fields
 * of a step are neighbouring columns, the first in the lowest bits. Three bits are split: two steps
 * have the lower two bits of 8 columns each, the third the highest bits of all 16. Of numbers of 32
 * bits, the two halves of a row block are half a stride apart, and rows within columns.
 *
 * <p>Row blocks are {@code stride} bytes apart, some more than they take, since equal distances of
 * powers of two evict each other from the caches. The memory is native, aligned to 64 bytes, and
 * all there is to a plane besides these numbers: it can be written to a file and mapped again.
 *
 * @param bits 1, 2, 3, 4, 8, 16 or 32
 * @param lanes rows of a row block
 * @param stride bytes from a row block to the next
 * @param words the memory
 */
record Plane(int bits, int lanes, long stride, MemorySegment words) {
  static final int ALIGNMENT = 64;
  private static final int GAP = 192;
  private static final int STEP_BITS = 16;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  Plane {
    checkNative(words);
  }

  /** Refuses memory that has no address of its own. */
  static void checkNative(MemorySegment memory) {
    if (!memory.isNative()) {
      throw new IllegalArgumentException("memory on the heap, expected native memory");
    }
  }

  /** An empty plane. */
  static Plane allocate(int bits, Geometry geometry) {
    long size =
        Math.multiplyExact(
            stride(bits, geometry), Math.multiplyExact(geometry.tiles(), MatrixKernels.BLOCKS));
    return of(bits, geometry, Arena.ofAuto().allocate(size, ALIGNMENT));
  }

  /**
   * A plane in memory that one was in before.
   *
   * @throws IllegalArgumentException if it is of another size
   */
  static Plane of(int bits, Geometry geometry, MemorySegment words) {
    long stride = stride(bits, geometry);
    long size = Math.multiplyExact(stride, (long) geometry.tiles() * MatrixKernels.BLOCKS);
    if (words.byteSize() != size) {
      throw new IllegalArgumentException(
          "plane of %d bytes, expected %d".formatted(words.byteSize(), size));
    }
    return new Plane(bits, geometry.lanes(), stride, words);
  }

  private static long stride(int bits, Geometry geometry) {
    int lanes = geometry.lanes();
    long bytes = (long) geometry.columnsPadded() / Geometry.UNIT * bits * lanes * Short.BYTES;
    long gap = bits == Float.SIZE ? 2 * GAP : GAP;
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT + gap;
  }

  /** Where a unit of columns of a tile's first row is in {@link Memory#ALL}; all of it is there. */
  long address(int tile, int column) {
    long first = (long) tile * MatrixKernels.BLOCKS;
    Objects.checkFromIndexSize(first * stride, MatrixKernels.BLOCKS * stride, words.byteSize());
    return words.address() + at(first, column);
  }

  /** Where a unit of columns of the first row of a row block is. */
  long at(long block, int column) {
    return block * stride + (long) column / Geometry.UNIT * bits * lanes * Short.BYTES;
  }

  /** The same of any row. */
  private long at(long row, int column, int step) {
    int at = order((int) (row % lanes), lanes);
    return at(row / lanes, column) + ((long) step * lanes + at) * Short.BYTES;
  }

  /** Where a row of a row block stands among the others. */
  static int order(int lane, int lanes) {
    int half = lanes / 2;
    return lane < half ? 2 * lane : 2 * (lane - half) + 1;
  }

  /**
   * Which column of a unit is the i-th where fields are unpacked into bytes: each word of 32 bits
   * holds its bytes' neighbours, which are shifted into place one after the other.
   */
  static int byteColumn(int bits, int i) {
    return switch (bits) {
      case 8 -> i;
      case 4 -> i / 8 * 8 + i % 4 * 2 + i / 4 % 2;
      default -> i % 4 * 4 + i / 4;
    };
  }

  /** Stores a row: a field for every column with padding. */
  void putRow(long row, int[] fields) {
    long at = at(row, 0, 0);
    for (int column = 0; column < fields.length; column += Geometry.UNIT) {
      for (int step = 0; step < bits; step++) {
        words.set(SHORT, at, (short) step(fields, column, step));
        at += (long) lanes * Short.BYTES;
      }
    }
  }

  private int step(int[] fields, int column, int step) {
    int word = 0;
    if (bits == 3) {
      int first = step == 2 ? column : column + 8 * step;
      int count = step == 2 ? 16 : 8;
      for (int i = 0; i < count; i++) {
        int field = fields[first + i];
        word |= step == 2 ? (field >> 2) << i : (field & 3) << (2 * i);
      }
      return word;
    }
    int count = STEP_BITS / bits;
    for (int i = 0; i < count; i++) {
      word |= fields[column + step * count + i] << (i * bits);
    }
    return word;
  }

  /** Stores a number of 16 bits. */
  void put(long row, int column, short value) {
    words.set(SHORT, at(row, column, column % Geometry.UNIT), value);
  }

  /** Reads a number of 16 bits. */
  short getShort(long row, int column) {
    return words.get(SHORT, at(row, column, column % Geometry.UNIT));
  }

  private long floatAt(long row, int column) {
    int half = lanes / 2;
    return row / half * (stride / 2) + (column * (long) half + row % half) * Float.BYTES;
  }

  /** Stores a number of 32 bits. */
  void put(long row, int column, float value) {
    words.set(FLOAT, floatAt(row, column), value);
  }

  /** Reads a number of 32 bits. */
  float getFloat(long row, int column) {
    return words.get(FLOAT, floatAt(row, column));
  }

  /** Reads a field. */
  int get(long row, int column) {
    int i = column % Geometry.UNIT;
    if (bits == 3) {
      int low = (words.get(SHORT, at(row, column, i / 8)) >> (i % 8 * 2)) & 3;
      int high = (words.get(SHORT, at(row, column, 2)) >> i) & 1;
      return low + 4 * high;
    }
    int count = STEP_BITS / bits;
    int word = words.get(SHORT, at(row, column, i / count));
    return (word >> (i % count * bits)) & ((1 << bits) - 1);
  }
}

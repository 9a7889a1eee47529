package io.parq.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Fields of {@code bits} bits, packed for streaming. A row's columns lie in 32-bit words, the first
 * column in the highest bits; words of the rows of a row block are neighbours:
 *
 * <pre>
 * row block 0: word 0 of row 0, word 0 of row 1, .. word 0 of the last row, word 1 of row 0, ..
 * </pre>
 *
 * Row blocks are {@code stride} bytes apart, some more than they take, since equal distances of
 * powers of two evict each other from the caches. A field is a signed number.
 *
 * @param bits 1, 2, 4 or 8
 * @param weight what the fields count, relative to the codes
 * @param lanes rows of a row block
 * @param stride bytes from a row block to the next
 * @param words the memory
 */
record Plane(int bits, float weight, int lanes, long stride, MemorySegment words) {
  private static final int ALIGNMENT = 64;
  private static final int GAP = 192;

  /** An empty plane. */
  static Plane allocate(int bits, float weight, Geometry geometry) {
    int lanes = geometry.lanes();
    long bytes = (long) geometry.columnsPadded() * bits / 8 * lanes;
    long stride = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT + GAP;
    long size =
        Math.multiplyExact(stride, Math.multiplyExact(geometry.tiles(), MatrixKernels.BLOCKS));
    return new Plane(bits, weight, lanes, stride, Arena.ofAuto().allocate(size, ALIGNMENT));
  }

  /** Where a word of the first row of a row block is. */
  long address(long block, long word) {
    return block * stride + word * lanes * Integer.BYTES;
  }

  private long address(long row, int padded) {
    return address(row / lanes, (long) padded * bits / Integer.SIZE) + row % lanes * Integer.BYTES;
  }

  /** Which bits of its word a column takes: the shift that brings them to the top. */
  private int shift(int padded) {
    return padded % (Integer.SIZE / bits) * bits;
  }

  /** Stores a field that is zero so far. */
  void put(long row, int padded, int field) {
    long at = address(row, padded);
    int bitsAtTop = field << (Integer.SIZE - bits);
    int word = words.get(ValueLayout.JAVA_INT, at) | bitsAtTop >>> shift(padded);
    words.set(ValueLayout.JAVA_INT, at, word);
  }

  /** Reads a field. */
  int get(long row, int padded) {
    int word = words.get(ValueLayout.JAVA_INT, address(row, padded));
    return word << shift(padded) >> (Integer.SIZE - bits);
  }

  /** The sums that the four bits of a table's index stand for: the first column is the highest. */
  void fillTable(float[] x, int at, float[] table, int to) {
    int fields = 4 / bits;
    for (int index = 0; index < MatrixKernels.TABLE; index++) {
      float sum = 0;
      for (int f = 0; f < fields; f++) {
        sum += field(index, f) * x[at + f];
      }
      table[to + index] = sum;
    }
  }

  /** The same in whole numbers. */
  void fillTable(short[] x, int at, short[] table, int to) {
    int fields = 4 / bits;
    for (int index = 0; index < MatrixKernels.TABLE; index++) {
      int sum = 0;
      for (int f = 0; f < fields; f++) {
        sum += field(index, f) * x[at + f];
      }
      table[to + index] = (short) sum;
    }
  }

  private int field(int index, int f) {
    return index << (Integer.SIZE - 4 + f * bits) >> (Integer.SIZE - bits);
  }
}

package io.parq.runtime;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Fields of {@code bits} bits, packed for streaming: a tile is read from its first byte to its last
 * one. {@link Geometry#UNIT} columns of a row take {@code bits} words of 32 bits, little-endian:
 *
 * <pre>
 * [tile][unit of columns][row block][word][row of the block]
 * </pre>
 *
 * <p>Of 1, 2, 4 and 8 bits, a word's bytes hold neighbouring columns: the first four columns in the
 * lowest bits of the four bytes, the next four above them. So a shift and a mask make four columns
 * of bytes. Words of 3 bits are like those of 4 bits for 8 columns each, 24 in all, but each fourth
 * bit: of the three words they make the fields of the other 8 columns, lowest bit first. Words of
 * numbers of 16 bits hold two columns, the first in the lower half.
 *
 * <p>The memory is native, aligned to 64 bytes, and all there is to a plane besides these numbers:
 * it can be written to a file and mapped again.
 *
 * @param bits 1, 2, 3, 4, 8, 16 or 32
 * @param units of columns in a row
 * @param words the memory
 */
record Plane(int bits, int units, MemorySegment words) {
  static final int ALIGNMENT = 64;

  /** Bytes of a word of every row of a row block. */
  static final int BLOCK_BYTES = Geometry.BLOCK * Integer.BYTES;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

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
    return of(bits, geometry, Arena.ofAuto().allocate(size(bits, geometry), ALIGNMENT));
  }

  /**
   * A plane in memory that one was in before.
   *
   * @throws IllegalArgumentException if it is of another size
   */
  static Plane of(int bits, Geometry geometry, MemorySegment words) {
    long size = size(bits, geometry);
    if (words.byteSize() != size) {
      throw new IllegalArgumentException(
          "plane of %d bytes, expected %d".formatted(words.byteSize(), size));
    }
    return new Plane(bits, geometry.columnsPadded() / Geometry.UNIT, words);
  }

  private static long size(int bits, Geometry geometry) {
    long units = (long) geometry.tiles() * (geometry.columnsPadded() / Geometry.UNIT);
    return Math.multiplyExact(units, Geometry.BLOCKS * bits * BLOCK_BYTES);
  }

  /** Bytes of a unit of columns of a tile. */
  int unitBytes() {
    return Geometry.BLOCKS * bits * BLOCK_BYTES;
  }

  /** Where a unit of columns of a tile is in {@link Memory#ALL}; the rest of the tile follows. */
  long address(int tile, int column) {
    long size = (long) units * unitBytes();
    Objects.checkFromIndexSize(tile * size, size, words.byteSize());
    return words.address() + tile * size + (long) column / Geometry.UNIT * unitBytes();
  }

  /** Where the first word of a row in a unit of columns is. */
  private long at(long row, int column) {
    long unit = row / Geometry.TILE * units + column / Geometry.UNIT;
    long inTile = row % Geometry.TILE;
    return unit * unitBytes()
        + inTile / Geometry.BLOCK * bits * BLOCK_BYTES
        + inTile % Geometry.BLOCK * Integer.BYTES;
  }

  /** Bits from a field of a byte to the next one. */
  static int apart(int bits) {
    return bits == 3 ? 4 : bits;
  }

  /** The lowest bit of one of the fields of a word of 8 columns or more. */
  private static int shift(int i, int bits) {
    return i % 4 * Byte.SIZE + i / 4 * bits;
  }

  /** Stores a row: a field for every column with padding. */
  void putRow(long row, int[] fields) {
    int apart = apart(bits);
    int perWord = Integer.SIZE / apart;
    for (int column = 0; column < fields.length; column += Geometry.UNIT) {
      long at = at(row, column);
      for (int j = 0; j < bits; j++) {
        int word = 0;
        for (int i = 0; i < perWord; i++) {
          word |= fields[column + j * perWord + i] << shift(i, apart);
        }
        for (int i = 0; bits == 3 && i < perWord; i++) {
          word |= ((fields[column + bits * perWord + i] >> j) & 1) << (shift(i, apart) + bits);
        }
        words.set(INT, at, word);
        at += BLOCK_BYTES;
      }
    }
  }

  /** Reads the fields of a row in a unit of columns. */
  void unit(long row, int column, int[] fields) {
    long at = at(row, column);
    int apart = apart(bits);
    int perWord = Integer.SIZE / apart;
    int mask = (1 << bits) - 1;
    for (int i = bits * perWord; i < Geometry.UNIT; i++) {
      fields[i] = 0;
    }
    for (int j = 0; j < bits; j++) {
      int word = words.get(INT, at + (long) j * BLOCK_BYTES);
      for (int i = 0; i < perWord; i++) {
        fields[j * perWord + i] = (word >>> shift(i, apart)) & mask;
      }
      for (int i = 0; bits == 3 && i < perWord; i++) {
        fields[bits * perWord + i] |= ((word >>> (shift(i, apart) + bits)) & 1) << j;
      }
    }
  }

  private long numberAt(long row, int column) {
    int in = column % Geometry.UNIT * bits / Integer.SIZE;
    return at(row, column) + (long) in * BLOCK_BYTES;
  }

  /** Stores the bits of a number, of 16 or 32 bits. */
  void put(long row, int column, int value) {
    long at = numberAt(row, column);
    int shift = column * bits % Integer.SIZE;
    int mask = bits == Integer.SIZE ? -1 : 0xFFFF << shift;
    words.set(INT, at, (words.get(INT, at) & ~mask) | ((value << shift) & mask));
  }

  /** Reads the bits of a number, of 16 or 32 bits, the highest one being the sign. */
  int get(long row, int column) {
    int word = words.get(INT, numberAt(row, column));
    return word << (Integer.SIZE - bits - column * bits % Integer.SIZE) >> (Integer.SIZE - bits);
  }
}

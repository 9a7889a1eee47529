package io.parq.export;

import io.parq.grids.Grid;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How codes are packed into bytes. A code is stored as its level index, {@code code - minCode}, in
 * {@code bits} bits. A row is a little-endian stream of bits: element {@code i} takes the bits
 * {@code [i * bits, (i + 1) * bits)}, where bit {@code n} of a row is bit {@code n % 8} of its byte
 * {@code n / 8}. The last byte of a row is filled up with zero bits, so every row begins at a byte.
 *
 * <p>Eight elements, a to h, fill {@code bits} bytes. Each byte is drawn with its highest bit on
 * the left; a digit is a bit of the element before it, 0 the lowest:
 *
 * <pre>
 * bits  byte 0            byte 1            byte 2            byte 3            byte 4 ...
 *  1    h0g0f0e0d0c0b0a0
 *  2    d1d0c1c0b1b0a1a0  h1h0g1g0f1f0e1e0
 *  3    c1c0b2b1b0a2a1a0  f0e2e1e0d2d1d0c2  h2h1h0g2g1g0f2f1
 *  4    b3b2b1b0a3a2a1a0  d3d2d1d0c3c2c1c0  f3f2f1f0e3e2e1e0  h3h2h1h0g3g2g1g0
 *  5    b2b1b0a4a3a2a1a0  d0c4c3c2c1c0b4b3  e3e2e1e0d4d3d2d1  g1g0f4f3f2f1f0e4
 *       h4h3h2h1h0g4g3g2
 *  6    b1b0a5a4a3a2a1a0  c3c2c1c0b5b4b3b2  d5d4d3d2d1d0c5c4  f1f0e5e4e3e2e1e0
 *       g3g2g1g0f5f4f3f2  h5h4h3h2h1h0g5g4
 *  7    b0a6a5a4a3a2a1a0  c1c0b6b5b4b3b2b1  d2d1d0c6c5c4c3c2  e3e2e1e0d6d5d4d3
 *       f4f3f2f1f0e6e5e4  g5g4g3g2g1g0f6f5  h6h5h4h3h2h1h0g6
 *  8    a7a6a5a4a3a2a1a0  b7b6b5b4b3b2b1b0  c7c6c5c4c3c2c1c0  and so on, a byte each
 * </pre>
 *
 * @param bits bits of a stored code, 1 to 8
 * @param minCode the smallest code
 * @param maxCode the largest code, at most {@code minCode + 2^bits - 1}
 */
public record Packing(int bits, int minCode, int maxCode) {
  /** Elements packed at a time, a multiple of 8 so that pieces of a row begin at a byte. */
  private static final int CHUNK = 1 << 14;

  /** Checks that the codes fit. */
  public Packing {
    if (bits < 1 || bits > 8) {
      throw new IllegalArgumentException(bits + " bits, expected 1 to 8");
    }
    if (minCode < Byte.MIN_VALUE
        || maxCode > Byte.MAX_VALUE
        || minCode > maxCode
        || maxCode - minCode >= 1 << bits) {
      throw new IllegalArgumentException(
          "codes %d to %d, expected at most %d signed bytes"
              .formatted(minCode, maxCode, 1 << bits));
    }
  }

  /**
   * {@return the packing of a grid's codes}
   *
   * @param grid the grid
   */
  public static Packing of(Grid grid) {
    return new Packing(grid.bits(), grid.minCode(), grid.maxCode());
  }

  /**
   * {@return the bytes that a row takes}
   *
   * @param columns elements in a row, at least 0
   * @throws ArithmeticException if the bits overflow a {@code long}
   */
  public long rowBytes(long columns) {
    return Math.ceilDiv(Math.multiplyExact(columns, bits), 8);
  }

  /**
   * Packs rows of codes.
   *
   * @param codes one signed byte an element, {@code rows * columns} of them; not modified
   * @param rows number of rows
   * @param columns elements in a row
   * @param packed receives {@code rows * rowBytes(columns)} bytes; modified
   * @throws IllegalArgumentException if a size differs, or a code is not between {@code minCode}
   *     and {@code maxCode}; the message gives its index
   */
  public void pack(MemorySegment codes, long rows, long columns, MemorySegment packed) {
    checkSizes(codes, rows, columns, packed);
    if (columns % 8 == 0) { // no row is filled up
      columns *= rows;
      rows = 1;
    }
    byte[] in = new byte[(int) Math.min(CHUNK, columns) + PackingKernels.ROOM];
    byte[] out = new byte[(int) rowBytes(in.length) + PackingKernels.ROOM];
    long position = 0;
    for (long row = 0; row < rows; row++) {
      for (long start = 0; start < columns; start += CHUNK) {
        int length = (int) Math.min(CHUNK, columns - start);
        long first = row * columns + start;
        MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, first, in, 0, length);
        if (!PackingKernels.BEST.pack(this, in, length, out)) {
          throw unfit(in, length, first);
        }
        int bytes = (int) rowBytes(length);
        MemorySegment.copy(out, 0, packed, ValueLayout.JAVA_BYTE, position, bytes);
        position += bytes;
      }
    }
  }

  private IllegalArgumentException unfit(byte[] codes, int length, long first) {
    int i = 0;
    while (i < length - 1 && codes[i] >= minCode && codes[i] <= maxCode) {
      i++;
    }
    return new IllegalArgumentException(
        "code %d at index %d, expected %d to %d".formatted(codes[i], first + i, minCode, maxCode));
  }

  /**
   * Unpacks rows of codes.
   *
   * @param packed {@code rows * rowBytes(columns)} bytes; not modified
   * @param rows number of rows
   * @param columns elements in a row
   * @param codes receives one signed byte an element, {@code rows * columns} of them; modified
   * @throws IllegalArgumentException if a size differs, a stored code is above {@code maxCode}, or
   *     the bits that fill up a row are not zero; the message gives index or row
   */
  public void unpack(MemorySegment packed, long rows, long columns, MemorySegment codes) {
    checkSizes(codes, rows, columns, packed);
    if (columns % 8 == 0) { // no row is filled up
      columns *= rows;
      rows = 1;
    }
    byte[] out = new byte[(int) Math.min(CHUNK, columns) + PackingKernels.ROOM];
    byte[] in = new byte[(int) rowBytes(out.length) + PackingKernels.ROOM];
    long position = 0;
    for (long row = 0; row < rows; row++) {
      for (long start = 0; start < columns; start += CHUNK) {
        int length = (int) Math.min(CHUNK, columns - start);
        long first = row * columns + start;
        unpack(packed, position, row, first, length, in, out);
        MemorySegment.copy(out, 0, codes, ValueLayout.JAVA_BYTE, first, length);
        position += rowBytes(length);
      }
    }
  }

  /**
   * Unpacks a row, or a part of one that ends it or is a multiple of eight codes.
   *
   * @param packed its bytes
   * @param row of the tensor, for the message of an error
   * @param first index of its first code in the tensor, for the same
   */
  void unpack(MemorySegment packed, long row, long first, int length, byte[] codes, int from) {
    byte[] out = new byte[Math.min(CHUNK, length) + PackingKernels.ROOM];
    byte[] in = new byte[(int) rowBytes(out.length) + PackingKernels.ROOM];
    for (int start = 0; start < length; start += CHUNK) {
      int count = Math.min(CHUNK, length - start);
      unpack(packed, rowBytes(start), row, first + start, count, in, out);
      System.arraycopy(out, 0, codes, from + start, count);
    }
  }

  private void unpack(
      MemorySegment packed, long at, long row, long first, int length, byte[] in, byte[] out) {
    int bytes = (int) rowBytes(length);
    MemorySegment.copy(packed, ValueLayout.JAVA_BYTE, at, in, 0, bytes);
    checkPadding(in, bytes, length, row);
    if (!PackingKernels.BEST.unpack(this, in, length, out)) {
      throw unfit(out, length, first);
    }
  }

  private void checkPadding(byte[] in, int bytes, int length, long row) {
    int used = (int) ((long) length * bits % 8);
    if (used != 0 && (in[bytes - 1] & 0xff) >>> used != 0) {
      throw new IllegalArgumentException(
          "row %d: the last %d bits are not zero, expected padding".formatted(row, 8 - used));
    }
  }

  private void checkSizes(MemorySegment codes, long rows, long columns, MemorySegment packed) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException(
          "%d rows of %d columns, expected no negative number".formatted(rows, columns));
    }
    long count = Math.multiplyExact(rows, columns);
    if (codes.byteSize() != count) {
      throw new IllegalArgumentException(
          "%d codes, expected %d for %d rows of %d"
              .formatted(codes.byteSize(), count, rows, columns));
    }
    long bytes = Math.multiplyExact(rows, rowBytes(columns));
    if (packed.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "%d packed bytes, expected %d for %d rows of %d %d-bit codes"
              .formatted(packed.byteSize(), bytes, rows, columns, bits));
    }
  }
}

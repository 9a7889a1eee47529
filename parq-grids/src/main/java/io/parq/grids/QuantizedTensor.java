package io.parq.grids;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/** The codes of a tensor and the lattice that gives them values. */
public final class QuantizedTensor {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int CHUNK = 1 << 16;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final long ONES = 0x0101_0101_0101_0101L;
  private static final long SIGNS = ONES << 7;

  private final Lattice lattice;
  private final MemorySegment codes;

  /**
   * Joins codes and lattice.
   *
   * @param lattice the fitted lattice; kept
   * @param codes one signed byte for each element, row-major; kept
   * @throws IllegalArgumentException if the number of codes differs or a code is not the grid's
   */
  public QuantizedTensor(Lattice lattice, MemorySegment codes) {
    this.lattice = lattice;
    this.codes = codes;
    if (codes.byteSize() != lattice.layout().size()) {
      throw new IllegalArgumentException(
          "%d codes, expected %d".formatted(codes.byteSize(), lattice.layout().size()));
    }
    checkCodes();
  }

  private void checkCodes() {
    int least = lattice.grid().minCode();
    int most = lattice.grid().maxCode();
    byte[] chunk = new byte[(int) Math.min(CHUNK, (codes.byteSize() + 7) & -8)];
    for (long start = 0; start < codes.byteSize(); start += CHUNK) {
      int length = (int) Math.min(CHUNK, codes.byteSize() - start);
      MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, start, chunk, 0, length);
      if (!areCodes(chunk, length, least, most)) {
        throw unfit(chunk, start, least, most);
      }
    }
  }

  /** Eight codes at a time; the chunk is longer than what it holds, by less than eight. */
  private static boolean areCodes(byte[] chunk, int length, int least, int most) {
    if (most - least > Byte.MAX_VALUE) { // all that fits in a byte, or nearly so
      boolean all = true;
      for (int i = 0; i < length; i++) {
        all &= chunk[i] >= least && chunk[i] <= most;
      }
      return all;
    }
    Arrays.fill(chunk, length, chunk.length, (byte) least);
    long subtrahend = (least & 0xff) * ONES;
    long room = (Byte.MAX_VALUE - (most - least)) * ONES;
    long wrong = 0;
    for (int i = 0; i < length; i += 8) {
      long word = (long) LONG.get(chunk, i);
      // Differences byte by byte, without borrowing; then their sign, and that of what is too
      // large.
      long above = ((word | SIGNS) - (subtrahend & ~SIGNS)) ^ ((word ^ ~subtrahend) & SIGNS);
      wrong |= above | ((above & ~SIGNS) + room);
    }
    return (wrong & SIGNS) == 0;
  }

  private IllegalArgumentException unfit(byte[] chunk, long start, int least, int most) {
    int i = 0;
    while (chunk[i] >= least && chunk[i] <= most) {
      i++;
    }
    return new IllegalArgumentException(
        "code %d at index %d, expected %d to %d for grid %s"
            .formatted(chunk[i], start + i, least, most, lattice.grid()));
  }

  /**
   * Quantizes once, as post-training quantization does: fits a lattice and rounds.
   *
   * @param config grid, granularity, scale type
   * @param values floats, row-major, native byte order; not modified
   * @param shape dimensions, 1 to 4 of them
   * @return codes and lattice
   * @throws IllegalArgumentException if shape and granularity do not fit or a value is not finite
   */
  public static QuantizedTensor quantize(QuantConfig config, MemorySegment values, long... shape) {
    Lattice lattice = Lattice.unfitted(config, shape);
    lattice.fit(values);
    return of(lattice, values);
  }

  /**
   * Quantizes as {@link #quantize(QuantConfig, MemorySegment, long...)} does, block by block where
   * blocks do not depend on one another, so that floats are in memory for a few blocks only.
   *
   * @param config grid, granularity, scale type
   * @param values floats of any type; not modified
   * @return codes and lattice
   * @throws IllegalArgumentException if shape and granularity do not fit or a value is not finite
   */
  public static QuantizedTensor quantize(QuantConfig config, TensorData values) {
    Lattice lattice = Lattice.unfitted(config, values.shape());
    BlockLayout layout = lattice.layout();
    int size = layout.blockLength();
    if (!lattice.fitsByBlock()) {
      return quantizeWhole(config, values);
    }
    MemorySegment codes = allocate(layout.size());
    int most = Math.min(Math.max(1, CHUNK / size), layout.blocks());
    float[] x = new float[most * size];
    byte[] bytes = new byte[x.length];
    for (int block = 0; block < layout.blocks(); block += most) {
      int length = Math.min(most, layout.blocks() - block) * size;
      values.toFloats(layout.start(block), x, 0, length);
      lattice.fitBlocks(block, x, 0, length);
      lattice.codes(block, x, 0, length, bytes, 0);
      MemorySegment.copy(bytes, 0, codes, ValueLayout.JAVA_BYTE, layout.start(block), length);
    }
    return new QuantizedTensor(lattice, codes);
  }

  private static QuantizedTensor quantizeWhole(QuantConfig config, TensorData values) {
    if (values.dtype() == DType.F32) {
      return quantize(config, values.data(), values.shape());
    }
    try (Arena arena = Arena.ofConfined()) {
      long elements = values.elements();
      MemorySegment floats = arena.allocate(Float.BYTES * elements, Float.BYTES);
      float[] chunk = new float[(int) Math.min(CHUNK, elements)];
      for (long start = 0; start < elements; start += CHUNK) {
        int length = (int) Math.min(CHUNK, elements - start);
        values.toFloats(start, chunk, 0, length);
        MemorySegment.copy(chunk, 0, floats, FLOAT, Float.BYTES * start, length);
      }
      return quantize(config, floats, values.shape());
    }
  }

  /**
   * Rounds values to the nearest levels of a fitted lattice.
   *
   * @param lattice the lattice; kept, not refitted
   * @param values floats, row-major, native byte order; not modified
   * @return codes and lattice
   * @throws IllegalArgumentException if the sizes differ
   */
  public static QuantizedTensor of(Lattice lattice, MemorySegment values) {
    lattice.checkSize(values);
    BlockLayout layout = lattice.layout();
    MemorySegment codes = allocate(layout.size());
    int chunk = Math.min(CHUNK, layout.blockLength());
    float[] x = new float[chunk];
    byte[] bytes = new byte[chunk];
    forEachPiece(
        layout,
        chunk,
        (block, start, length) -> {
          MemorySegment.copy(values, FLOAT, 4 * start, x, 0, length);
          lattice.codes(block, x, 0, length, bytes, 0);
          MemorySegment.copy(bytes, 0, codes, ValueLayout.JAVA_BYTE, start, length);
        });
    return new QuantizedTensor(lattice, codes);
  }

  /** {@return the lattice, not a copy} */
  public Lattice lattice() {
    return lattice;
  }

  /** {@return one signed byte for each element, row-major, not a copy} */
  public MemorySegment codes() {
    return codes;
  }

  /** {@return the dimensions, a copy} */
  public long[] shape() {
    return lattice.shape();
  }

  /**
   * Writes the values that the codes stand for.
   *
   * @param out receives floats, row-major, native byte order; modified
   * @throws IllegalArgumentException if the size differs
   */
  public void dequantize(MemorySegment out) {
    lattice.checkSize(out);
    long size = lattice.layout().size();
    float[] chunk = new float[(int) Math.min(CHUNK, size)];
    for (long start = 0; start < size; start += CHUNK) {
      int length = (int) Math.min(CHUNK, size - start);
      toFloats(start, chunk, 0, length);
      MemorySegment.copy(chunk, 0, out, FLOAT, 4 * start, length);
    }
  }

  /**
   * Decodes some of the values that the codes stand for.
   *
   * @param start index of the first element, row-major
   * @param out receives the values; modified
   * @param from index of the first in {@code out}
   * @param length number of elements
   * @throws IndexOutOfBoundsException if a range does not fit
   */
  public void toFloats(long start, float[] out, int from, int length) {
    BlockLayout layout = lattice.layout();
    Objects.checkFromIndexSize(start, (long) length, layout.size());
    Objects.checkFromIndexSize(from, length, out.length);
    int size = layout.blockLength();
    byte[] bytes = new byte[Math.min(length, CHUNK)];
    int count;
    for (int done = 0; done < length; done += count) {
      long first = start + done;
      int left = Math.min(bytes.length, length - done);
      int within = (int) (first % size);
      // Whole blocks, or a part of one.
      count = within == 0 && left >= size ? left / size * size : Math.min(left, size - within);
      MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, first, bytes, 0, count);
      lattice.values((int) (first / size), bytes, 0, count, out, from + done);
    }
  }

  /**
   * {@return the values that the codes stand for, row-major}
   *
   * @throws ArithmeticException if there are more than 2^31 - 1
   */
  public float[] dequantize() {
    float[] out = new float[Math.toIntExact(lattice.layout().size())];
    dequantize(MemorySegment.ofArray(out));
    return out;
  }

  private static MemorySegment allocate(long bytes) {
    return bytes <= 1 << 30
        ? MemorySegment.ofArray(new byte[(int) bytes])
        : Arena.ofAuto().allocate(bytes);
  }

  private interface Piece {
    void accept(int block, long start, int length);
  }

  private static void forEachPiece(BlockLayout layout, int chunk, Piece piece) {
    for (int block = 0; block < layout.blocks(); block++) {
      for (int done = 0; done < layout.blockLength(); done += chunk) {
        int length = Math.min(chunk, layout.blockLength() - done);
        piece.accept(block, layout.start(block) + done, length);
      }
    }
  }
}

package io.parq.export.onnx;

import io.parq.export.Packing;
import io.parq.export.TensorCodes;
import io.parq.grids.Lattice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Writes the parts of a quantized weight. Codes go through a small buffer, some rows at a time. */
final class WeightBytes {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int BUFFER = 1 << 18;

  private final Encoding encoding;
  private final TensorCodes tensor;

  WeightBytes(Encoding encoding, TensorCodes tensor) {
    this.encoding = encoding;
    this.tensor = tensor;
  }

  void writeCodes(DataFile file, long offset) throws IOException {
    int columns = Math.toIntExact(encoding.columns());
    int rows = (int) Math.clamp(BUFFER / columns, 1, encoding.rows());
    byte[] codes = new byte[Math.multiplyExact(rows, columns)];
    MemorySegment packed =
        MemorySegment.ofArray(new byte[Math.toIntExact(rows * encoding.rowBytes())]);
    for (long row = 0; row < encoding.rows(); row += rows) {
      int count = (int) Math.min(rows, encoding.rows() - row);
      tensor.codes(row * columns, codes, 0, count * columns);
      if (encoding.odd()) {
        for (int i = 0; i < count * columns; i++) {
          codes[i] = (byte) (2 * codes[i] + 1);
        }
      }
      MemorySegment own = MemorySegment.ofArray(codes).asSlice(0, (long) count * columns);
      MemorySegment out = packed.asSlice(0, count * encoding.rowBytes());
      pack(own, count, columns, out);
      file.write(out, offset + row * encoding.rowBytes());
    }
  }

  /** Packs rows of codes, or of zero points. */
  private void pack(MemorySegment codes, long rows, long columns, MemorySegment out) {
    if (encoding.bias() == 0) {
      out.copyFrom(codes);
    } else {
      new Packing(encoding.bits(), -encoding.bias(), encoding.bias() - 1)
          .pack(codes, rows, columns, out);
    }
  }

  void writeScales(DataFile file, long offset) throws IOException {
    float[] scales = tensor.lattice().scales();
    float factor = encoding.odd() ? 0.5f : 1f;
    writeBlocks(
        file,
        offset,
        encoding.rowBlocks() * Float.BYTES,
        (out, blocks) -> {
          for (int i = 0; i < blocks.length; i++) {
            out.set(FLOAT, (long) Float.BYTES * i, scales[blocks[i]] * factor);
          }
        });
  }

  void writeZeroPoints(DataFile file, long offset) throws IOException {
    float[] zeroPoints = tensor.lattice().zeroPoints();
    if (zeroPoints == null) {
      throw new IllegalStateException("no zero points");
    }
    writeBlocks(
        file,
        offset,
        encoding.rowZeroPointBytes(),
        (out, blocks) -> {
          byte[] row = new byte[blocks.length];
          for (int i = 0; i < row.length; i++) {
            row[i] = (byte) zeroPoints[blocks[i]];
          }
          pack(MemorySegment.ofArray(row), 1, row.length, out);
        });
  }

  private interface Row {
    /** Fills a row's bytes, given the trained block of each stored one. */
    void fill(MemorySegment out, int[] blocks);
  }

  private void writeBlocks(DataFile file, long offset, long rowBytes, Row filler)
      throws IOException {
    Lattice lattice = tensor.lattice();
    int[] blocks = new int[Math.toIntExact(encoding.rowBlocks())];
    int rows = (int) Math.clamp(BUFFER / rowBytes, 1, encoding.rows());
    MemorySegment buffer = MemorySegment.ofArray(new byte[Math.toIntExact(rows * rowBytes)]);
    long used = 0;
    long place = offset;
    for (long row = 0; row < encoding.rows(); row++) {
      for (int i = 0; i < blocks.length; i++) {
        long element = row * encoding.columns() + (long) i * encoding.blockSize();
        blocks[i] = (int) (element / lattice.layout().blockLength());
      }
      filler.fill(buffer.asSlice(used, rowBytes), blocks);
      used += rowBytes;
      if (used == buffer.byteSize() || row == encoding.rows() - 1) {
        file.write(buffer.asSlice(0, used), place);
        place += used;
        used = 0;
      }
    }
  }
}

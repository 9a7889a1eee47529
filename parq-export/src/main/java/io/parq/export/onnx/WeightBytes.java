package io.parq.export.onnx;

import io.parq.grids.Lattice;
import io.parq.grids.QuantizedTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Writes the parts of a quantized weight. Codes go through a small buffer, some rows at a time. */
final class WeightBytes {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int BUFFER = 1 << 20;

  private final Encoding encoding;
  private final QuantizedTensor tensor;

  WeightBytes(Encoding encoding, QuantizedTensor tensor) {
    this.encoding = encoding;
    this.tensor = tensor;
  }

  void writeCodes(DataFile file, long offset) throws IOException {
    int columns = Math.toIntExact(encoding.columns());
    int rowBytes = Math.toIntExact(encoding.rowBytes());
    byte[] codes = new byte[columns];
    int rows = (int) Math.clamp(BUFFER / rowBytes, 1, encoding.rows());
    byte[] buffer = new byte[Math.multiplyExact(rows, rowBytes)];
    int used = 0;
    long place = offset;
    for (long row = 0; row < encoding.rows(); row++) {
      MemorySegment.copy(tensor.codes(), ValueLayout.JAVA_BYTE, row * columns, codes, 0, columns);
      if (encoding.odd()) {
        for (int i = 0; i < columns; i++) {
          codes[i] = (byte) (2 * codes[i] + 1);
        }
      }
      pack(codes, buffer, used);
      used += rowBytes;
      if (used == buffer.length || row == encoding.rows() - 1) {
        file.write(MemorySegment.ofArray(buffer).asSlice(0, used), place);
        place += used;
        used = 0;
      }
    }
  }

  private void pack(byte[] codes, byte[] out, int from) {
    int bits = encoding.bits();
    int bias = encoding.bias();
    int perByte = 8 / bits;
    int mask = (1 << bits) - 1;
    Arrays.fill(out, from, from + Math.ceilDiv(codes.length, perByte), (byte) 0);
    switch (bits) {
      case 4 -> {
        for (int i = 0; i < codes.length / 2; i++) {
          out[from + i] = (byte) (((codes[2 * i] + 8) & 15) | (((codes[2 * i + 1] + 8) & 15) << 4));
        }
        if (codes.length % 2 == 1) {
          out[from + codes.length / 2] = (byte) ((codes[codes.length - 1] + 8) & 15);
        }
      }
      case 8 -> {
        for (int i = 0; i < codes.length; i++) {
          out[from + i] = (byte) (codes[i] + bias);
        }
      }
      default -> {
        for (int i = 0; i < codes.length; i++) {
          out[from + i / perByte] |= (byte) (((codes[i] + bias) & mask) << (i % perByte * bits));
        }
      }
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
          byte[] packed = new byte[(int) out.byteSize()];
          pack(row, packed, 0);
          out.copyFrom(MemorySegment.ofArray(packed));
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

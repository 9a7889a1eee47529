package io.parq.export;

import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.BlockLayout;
import io.parq.grids.Lattice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Codes of a packed tensor, unpacked piece by piece. */
final class PackedCodes {
  private final Lattice lattice;
  private final MemorySegment codes;
  private final Packing packing;
  private final Rows rows;

  PackedCodes(Lattice lattice, MemorySegment codes) {
    this.lattice = lattice;
    this.codes = codes;
    this.packing = Packing.of(lattice.grid());
    this.rows = rows(lattice.layout());
  }

  /** The rows that are filled up: where none is, all are one. */
  private static Rows rows(BlockLayout layout) {
    return layout.columns() % 8 == 0
        ? new Rows(1, layout.size())
        : new Rows(layout.rows(), layout.columns());
  }

  Lattice lattice() {
    return lattice;
  }

  /**
   * Unpacks some codes.
   *
   * @throws IllegalArgumentException as {@link PackedTensor#unpack} does
   */
  void read(long start, byte[] out, int from, int length) {
    int count;
    for (int done = 0; done < length; done += count) {
      long row = (start + done) / rows.columns();
      long column = (start + done) % rows.columns();
      count = (int) Math.min(length - done, rows.columns() - column);
      // Whole bytes: from a multiple of eight codes to one, or to the end of the row.
      int before = (int) (column % 8);
      long first = column - before;
      int whole = (int) Math.min(Math.ceilDiv(before + count, 8) * 8L, rows.columns() - first);
      long at = row * packing.rowBytes(rows.columns()) + packing.rowBytes(first);
      MemorySegment packed = codes.asSlice(at, packing.rowBytes(whole));
      if (whole == count) {
        packing.unpack(packed, row, start + done, count, out, from + done);
      } else {
        byte[] more = new byte[whole];
        packing.unpack(packed, row, start + done - before, whole, more, 0);
        System.arraycopy(more, before, out, from + done, count);
      }
    }
  }

  /** The packed codes of a tensor, in the same memory each time. */
  static final class Pieces implements SafetensorsWriter.Pieces {
    private static final int PIECE = 1 << 17;

    private final TensorCodes tensor;
    private final Packing packing;
    private final Rows rows;
    private final byte[] codes;
    private final MemorySegment packed;
    private long row;
    private long column;

    Pieces(TensorCodes tensor) {
      this.tensor = tensor;
      this.packing = Packing.of(tensor.lattice().grid());
      this.rows = rows(tensor.lattice().layout());
      this.codes = new byte[(int) Math.min(PIECE, rows.columns())];
      this.packed = MemorySegment.ofArray(new byte[(int) packing.rowBytes(codes.length)]);
    }

    @Override
    public @Nullable MemorySegment next() throws IOException {
      if (row == rows.rows()) {
        return null;
      }
      int count = (int) Math.min(codes.length, rows.columns() - column);
      tensor.codes(row * rows.columns() + column, codes, 0, count);
      MemorySegment out = packed.asSlice(0, packing.rowBytes(count));
      packing.pack(MemorySegment.ofArray(codes).asSlice(0, count), 1, count, out);
      column += count;
      if (column == rows.columns()) {
        row++;
        column = 0;
      }
      return out;
    }
  }
}

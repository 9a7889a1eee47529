package io.parq.export.gguf;

import io.parq.export.TensorCodes;
import io.parq.grids.Lattice;
import io.parq.grids.SmallFloat;
import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Encodes rows of a quantized tensor. Not thread-safe. */
final class RowEncoder {
  private final Encoding encoding;

  /** Codes that are read at a time, if rows come in their order. */
  private static final int AHEAD = 1 << 14;

  private final TensorCodes tensor;
  private final Lattice lattice;
  private final int columns;
  private final @Nullable Layout layout;
  private final @Nullable Levels levels;
  private final byte[] codes;
  private long firstRead;
  private int rowsRead;
  private int start;
  private final byte[] block;

  /** Reads several rows at once if they come in their order. */
  RowEncoder(Encoding encoding, TensorCodes tensor, boolean inOrder) {
    this.encoding = encoding;
    this.tensor = tensor;
    this.lattice = tensor.lattice();
    this.columns = Math.toIntExact(lattice.layout().columns());
    this.layout =
        Layout.ALL.stream().filter(l -> l.encoding() == encoding).findFirst().orElse(null);
    this.levels = Levels.of(lattice.grid());
    long rows = inOrder ? Math.clamp(AHEAD / columns, 1, lattice.layout().rows()) : 1;
    this.codes = new byte[Math.toIntExact(rows * columns)];
    this.block = new byte[encoding.elements()];
  }

  /**
   * Encodes a row.
   *
   * @throws IllegalArgumentException if a scale is not exact; the message names row and column
   * @throws IOException if the codes are damaged
   */
  void encode(long row, byte[] out, int at) throws IOException {
    if (row < firstRead || row >= firstRead + rowsRead) {
      rowsRead = (int) Math.min(codes.length / columns, lattice.layout().rows() - row);
      tensor.codes(Math.multiplyExact(row, (long) columns), codes, 0, rowsRead * columns);
      firstRead = row;
    }
    start = (int) (row - firstRead) * columns;
    int to = at;
    for (int column = 0; column < columns; column += encoding.elements()) {
      switch (encoding) {
        case MXFP4 -> mxfp4(row, column, out, to);
        case NVFP4 -> nvfp4(row, column, out, to);
        default -> integers(row, column, out, to);
      }
      to += encoding.bytes();
    }
  }

  private int block(long row, int column) {
    // Columns that share a scale: the division of a long takes longer than what a block does.
    int length = Math.min(columns, lattice.layout().blockLength());
    int first = lattice.layout().blockLength() > columns ? 0 : (int) row * (columns / length);
    return first + column / length;
  }

  private void integers(long row, int column, byte[] out, int at) {
    Levels form = Objects.requireNonNull(levels);
    Layout held = Objects.requireNonNull(layout);
    int index = block(row, column);
    float scale = lattice.scales()[index];
    float unit = form.halved() ? scale / 2 : scale;
    int least = lattice.grid().minCode();
    float[] zeroPoints = lattice.zeroPoints();
    int base = zeroPoints == null ? form.base() : (int) zeroPoints[index] - least;
    int step = form.step();
    int sign = held.hasMinima() ? 1 : held.sign(form);
    // Codes from 0 on where the block has a minimum, and else the integers.
    boolean zero =
        held.hasMinima()
            ? put(column, 1, -least, base % step == 0 ? base / step : -1)
            : put(column, sign * step, -sign * (step * least + base), 0);
    float d = held.hasMinima() ? step * unit : unit;
    if (zero) {
      // Whatever the scale is.
      unit = 0;
      d = 0;
    }
    if (!Bytes.isHalf(unit) || !Bytes.isHalf(d)) {
      throw inexact(row, column, scale, form.halved());
    }
    if (held.hasMinima()) {
      BlockWriter.write(encoding, d, unit, base, block, out, at);
    } else {
      BlockWriter.write(encoding, sign * d, block, out, at);
    }
  }

  /** Puts {@code factor * code + shift} to the block, and says whether all are the same as zero. */
  private boolean put(int column, int factor, int shift, int zero) {
    long shifts = Bytes.each(shift);
    long zeros = Bytes.each(zero);
    long different = 0;
    for (int i = 0; i < block.length; i += 8) {
      long eight = Bytes.longAt(codes, start + column + i);
      if (Math.abs(factor) == 2) {
        eight = Bytes.plus(eight, eight);
      }
      eight = factor < 0 ? Bytes.minus(shifts, eight) : Bytes.plus(eight, shifts);
      different |= eight ^ zeros;
      Bytes.putLong(block, i, eight);
    }
    return different == 0;
  }

  private static IllegalArgumentException inexact(
      long row, int column, float scale, boolean halved) {
    return new IllegalArgumentException(
        "row %d, column %d: scale %s, expected one that half precision holds exactly%s"
            .formatted(row, column, scale, halved ? ", halved too" : ""));
  }

  private void mxfp4(long row, int column, byte[] out, int at) {
    float scale = lattice.scales()[block(row, column)];
    out[at] = SmallFloat.toE8m0(scale);
    if (SmallFloat.fromE8m0(out[at]) != scale) {
      throw new IllegalArgumentException(
          "row %d, column %d: scale %s, expected a power of two".formatted(row, column, scale));
    }
    pairs(column, 16, out, at + 1);
  }

  private void nvfp4(long row, int column, byte[] out, int at) {
    for (int part = 0; part < 4; part++) {
      int from = column + 16 * part;
      float scale = lattice.scales()[block(row, from)];
      byte bits = SmallFloat.toE4m3(scale / lattice.tensorScale());
      if (lattice.tensorScale() * SmallFloat.fromE4m3(bits) != scale) {
        throw new IllegalArgumentException(
            "row %d, column %d: scale %s, expected an e4m3 multiple of %s"
                .formatted(row, from, scale, lattice.tensorScale()));
      }
      out[at + part] = bits;
      pairs(from, 8, out, at + 4 + 8 * part);
    }
  }

  private void pairs(int from, int count, byte[] out, int at) {
    for (int j = 0; j < count; j++) {
      out[at + j] =
          (byte) (e2m1(codes[start + from + j]) | e2m1(codes[start + from + count + j]) << 4);
    }
  }

  /** The grid's codes 0 to 14 ascend from -6 to 6; stored are sign and magnitude. */
  private static int e2m1(byte code) {
    int magnitude = code - 7;
    return magnitude < 0 ? 8 | -magnitude : magnitude;
  }
}

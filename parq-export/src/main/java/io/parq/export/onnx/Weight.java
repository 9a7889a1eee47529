package io.parq.export.onnx;

import io.parq.export.Packing;
import io.parq.export.onnx.Initializers.Initializer;
import io.parq.grids.AffineBlocks;
import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A tensor that can be decoded row by row. */
sealed interface Weight {
  ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** The format's name of how it is stored. */
  String encoding();

  long[] shape();

  /** Bytes of all its parts. */
  long bytes();

  /** Where its elements or codes lie. */
  MemorySegment place();

  /** Decodes a row to single precision. */
  void read(long row, float[] out);

  default long rows() {
    return shape().length < 2 ? 1 : shape()[0];
  }

  default long columns() {
    return rows() == 0 ? 0 : TensorData.elements(shape()) / rows();
  }

  /** Views floats of any type. */
  static TensorData floats(Initializer tensor) {
    DType type =
        switch (tensor.type()) {
          case FLOAT -> DType.F32;
          case DOUBLE -> DType.F64;
          case FLOAT16 -> DType.F16;
          case BFLOAT16 -> DType.BF16;
          default ->
              throw new IllegalArgumentException(
                  "%s: %s, expected floats".formatted(tensor.name(), tensor.type()));
        };
    return new TensorData(type, tensor.dimensions(), tensor.data());
  }

  /**
   * Floats as they are.
   *
   * @param tensor the floats
   */
  record Plain(TensorData tensor) implements Weight {
    @Override
    public String encoding() {
      return tensor.dtype().name();
    }

    @Override
    public long[] shape() {
      return tensor.shape();
    }

    @Override
    public long bytes() {
      return tensor.data().byteSize();
    }

    @Override
    public MemorySegment place() {
      return tensor.data();
    }

    @Override
    public void read(long row, float[] out) {
      tensor.toFloats(row * columns(), out, 0, (int) columns());
    }
  }

  /**
   * Integers in rows, packed to bytes, the first in a byte's lowest bits.
   *
   * @param data the bytes
   * @param bits of an integer: 2, 4 or 8
   * @param signed whether they are in two's complement
   * @param stride integers from one row to the next, those that only fill up a row included
   */
  record Integers(MemorySegment data, int bits, boolean signed, long stride) {
    static Integers of(Initializer tensor, int bits, boolean signed, long rows, long stride) {
      long bytes = Math.ceilDiv(Math.multiplyExact(Math.multiplyExact(rows, stride), bits), 8L);
      if (tensor.data().byteSize() != bytes) {
        throw new IllegalArgumentException(
            "%s: %d bytes, expected %d rows of %d integers of %d bits"
                .formatted(tensor.name(), tensor.data().byteSize(), rows, stride, bits));
      }
      return new Integers(tensor.data(), bits, signed, stride);
    }

    /** Whether the elements of a type are signed integers; fails unless they are integers. */
    static boolean signed(Initializer tensor) {
      return switch (tensor.type()) {
        case INT2, INT4, INT8 -> true;
        case UINT2, UINT4, UINT8 -> false;
        default ->
            throw new IllegalArgumentException(
                "%s: %s, expected integers of at most 8 bits"
                    .formatted(tensor.name(), tensor.type()));
      };
    }

    /** Whether {@link #codes} can read rows: each begins at a byte, and no sign lies within one. */
    boolean areBytes() {
      return (bits == 8 || !signed) && stride * bits % 8 == 0;
    }

    /** What is subtracted from the first integers of a row so that they are signed bytes. */
    int bias() {
      return bits == 8 && !signed ? 128 : 0;
    }

    /** The first integers of a row, less {@link #bias}. */
    void codes(long row, byte[] out) {
      long start = row * stride * bits / 8;
      if (signed) {
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, start, out, 0, out.length);
        return;
      }
      Packing packing = new Packing(bits, -bias(), (1 << bits) - 1 - bias());
      int perByte = 8 / bits;
      byte[] whole =
          out.length % perByte == 0 ? out : new byte[Math.ceilDiv(out.length, perByte) * perByte];
      MemorySegment packed = data.asSlice(start, packing.rowBytes(whole.length));
      packing.unpack(packed, 1, whole.length, MemorySegment.ofArray(whole));
      if (whole != out) {
        System.arraycopy(whole, 0, out, 0, out.length);
      }
    }

    /** The first integers of a row, as floats. */
    void row(long row, float[] out, int count) {
      int perByte = 8 / bits;
      long first = row * stride;
      int skipped = (int) (first % perByte);
      byte[] bytes = new byte[Math.ceilDiv(skipped + count, perByte)];
      MemorySegment.copy(data, ValueLayout.JAVA_BYTE, first / perByte, bytes, 0, bytes.length);
      if (bits == 8) {
        int mask = signed ? -1 : 0xff;
        for (int i = 0; i < count; i++) {
          out[i] = bytes[i] & mask;
        }
        return;
      }
      int shift = Integer.numberOfTrailingZeros(perByte);
      // Moved to the top of an int and back, which keeps the sign.
      int up = Integer.SIZE - bits;
      int mask = signed ? -1 : (1 << bits) - 1;
      for (int i = 0; i < count; i++) {
        int at = skipped + i;
        int place = (at & (perByte - 1)) * bits;
        out[i] = (bytes[at >> shift] << (up - place) >> up) & mask;
      }
    }
  }

  /**
   * Codes with scales: {@code (code - zero point) * scale}. A scale belongs to a rectangle of
   * codes.
   *
   * @param encoding the format's name of how they are stored
   * @param rows rows of codes
   * @param columns columns of codes
   * @param codes the codes
   * @param scales the scales, row-major over the rectangles
   * @param scaleRows rows of a rectangle
   * @param scaleColumns columns of a rectangle
   * @param zeroPoints zero points, one a rectangle, or null
   * @param floatZeroPoints the same as floats, or null
   * @param zeroPoint the zero point of all if there are neither
   * @param bytes of all parts
   */
  record Blocks(
      String encoding,
      long rows,
      long columns,
      Integers codes,
      TensorData scales,
      long scaleRows,
      long scaleColumns,
      @Nullable Integers zeroPoints,
      @Nullable TensorData floatZeroPoints,
      int zeroPoint,
      long bytes)
      implements Weight {
    /** Checks that there is a scale for every rectangle. */
    public Blocks {
      long scalesExpected =
          Math.multiplyExact(Math.ceilDiv(rows, scaleRows), Math.ceilDiv(columns, scaleColumns));
      for (TensorData part : Arrays.asList(scales, floatZeroPoints)) {
        if (part != null && part.elements() != scalesExpected) {
          throw new IllegalArgumentException(
              "%d scales or zero points, expected %d".formatted(part.elements(), scalesExpected));
        }
      }
    }

    @Override
    public long[] shape() {
      return new long[] {rows, columns};
    }

    @Override
    public MemorySegment place() {
      return codes.data();
    }

    @Override
    public void read(long row, float[] out) {
      int blocks = (int) Math.ceilDiv(columns, scaleColumns);
      long scaleRow = row / scaleRows;
      float[] rowScales = new float[blocks];
      scales.toFloats(scaleRow * blocks, rowScales, 0, blocks);
      float[] zeros = new float[blocks];
      if (zeroPoints != null) {
        zeroPoints.row(scaleRow, zeros, blocks);
      } else if (floatZeroPoints != null) {
        floatZeroPoints.toFloats(scaleRow * blocks, zeros, 0, blocks);
      } else {
        Arrays.fill(zeros, zeroPoint);
      }
      for (int block = 0; block < blocks; block++) {
        if (!Float.isFinite(rowScales[block])) {
          throw new IllegalArgumentException(
              "row %d, block %d: scale %s, expected finite"
                  .formatted(row, block, rowScales[block]));
        }
      }
      if (codes.areBytes() && floatZeroPoints == null) {
        for (int block = 0; block < blocks; block++) {
          zeros[block] -= codes.bias(); // whole numbers
        }
        byte[] bytes = new byte[(int) columns];
        codes.codes(row, bytes);
        new AffineBlocks((int) Math.min(columns, scaleColumns), rowScales, zeros, 0f, null)
            .values(0, bytes, 0, bytes.length, out, 0);
        return;
      }
      codes.row(row, out, (int) columns);
      for (int block = 0; block < blocks; block++) {
        int end = (int) Math.min(columns, (block + 1) * scaleColumns);
        for (int column = (int) (block * scaleColumns); column < end; column++) {
          out[column] = (out[column] - zeros[block]) * rowScales[block];
        }
      }
    }
  }
}

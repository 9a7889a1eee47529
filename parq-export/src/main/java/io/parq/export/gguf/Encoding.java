package io.parq.export.gguf;

import io.parq.grids.DType;
import io.parq.grids.Grid;
import io.parq.grids.TableGrid;
import io.parq.grids.UniformGrid;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a tensor's elements are stored: in blocks of so many elements and bytes, a row being a whole
 * number of blocks. Those without a decoder are only listed.
 *
 * <p>Source: ggml's {@code ggml-common.h} and {@code ggml-quants.c}.
 */
enum Encoding {
  F32(0, 1, 4, 0),
  F16(1, 1, 2, 1),
  Q4_0(2, 32, 18, 2),
  Q4_1(3, 32, 20, 3),
  Q5_0(6, 32, 22, 8),
  Q5_1(7, 32, 24, 9),
  Q8_0(8, 32, 34, 7),
  Q8_1(9, 32, 36, 0),
  Q2_K(10, 256, 84, 10),
  Q3_K(11, 256, 110, 12),
  Q4_K(12, 256, 144, 15),
  Q5_K(13, 256, 176, 17),
  Q6_K(14, 256, 210, 18),
  Q8_K(15, 256, 292, 0),
  IQ2_XXS(16, 256, 66, 0),
  IQ2_XS(17, 256, 74, 0),
  IQ3_XXS(18, 256, 98, 0),
  IQ1_S(19, 256, 50, 0),
  IQ4_NL(20, 32, 18, 0),
  IQ3_S(21, 256, 110, 0),
  IQ2_S(22, 256, 82, 0),
  IQ4_XS(23, 256, 136, 0),
  I8(24, 1, 1, 0),
  I16(25, 1, 2, 0),
  I32(26, 1, 4, 0),
  I64(27, 1, 8, 0),
  F64(28, 1, 8, 0),
  IQ1_M(29, 256, 56, 0),
  BF16(30, 1, 2, 32),
  TQ1_0(34, 256, 54, 36),
  TQ2_0(35, 256, 66, 37),
  MXFP4(39, 32, 17, 38),
  NVFP4(40, 64, 36, 39),
  Q1_0(41, 128, 18, 0),
  Q2_0(42, 64, 18, 41);

  /** Decodes whole blocks to single precision. */
  interface Decoder {
    void decode(byte[] in, int at, int blocks, float[] out, int to);
  }

  /** Takes a block apart. */
  interface Splitter {
    void split(byte[] in, int at, Block out);
  }

  /**
   * How codes of a grid are put into blocks.
   *
   * @param grids the first of which that has the values is meant; only the last may have offsets
   * @param groups of a block, each with a scale and an offset
   * @param centre what is subtracted from codes to get the grid's
   * @param splitter gives the codes as the file counts them
   */
  record Coding(List<Grid> grids, int groups, int centre, Splitter splitter) {
    static Coding symmetric(int bits, int groups, Splitter splitter) {
      return new Coding(List.of(UniformGrid.symmetric(bits)), groups, 0, splitter);
    }

    /** Codes from 0 on. */
    static Coding offset(int bits, int groups, Splitter splitter) {
      UniformGrid stretched = UniformGrid.stretched(bits);
      List<Grid> grids = List.of(UniformGrid.symmetric(bits), stretched, stretched.centred());
      return new Coding(grids, groups, 1 << (bits - 1), splitter);
    }

    boolean isUniform() {
      return grids.getFirst() instanceof UniformGrid;
    }

    boolean hasOffset() {
      return grids.getLast().hasOffset();
    }
  }

  private final int id;
  private final int elements;
  private final int bytes;
  private final int fileType;

  Encoding(int id, int elements, int bytes, int fileType) {
    this.id = id;
    this.elements = elements;
    this.bytes = bytes;
    this.fileType = fileType;
  }

  static @Nullable Encoding ofId(int id) {
    for (Encoding encoding : values()) {
      if (encoding.id == id) {
        return encoding;
      }
    }
    return null;
  }

  /** The number that stands for it in files. */
  int id() {
    return id;
  }

  /** Elements of a block. */
  int elements() {
    return elements;
  }

  /** Bytes of a block. */
  int bytes() {
    return bytes;
  }

  /** What {@code general.file_type} calls a file that mostly consists of it. */
  int fileType() {
    return fileType;
  }

  /** How it puts codes of a grid, or null if it has floats or is not decoded. */
  @Nullable Coding coding() {
    return switch (this) {
      case Q4_0 -> Coding.symmetric(4, 1, FlatBlocks::q4_0);
      case Q4_1 -> Coding.offset(4, 1, FlatBlocks::q4_1);
      case Q5_0 -> Coding.symmetric(5, 1, FlatBlocks::q5_0);
      case Q5_1 -> Coding.offset(5, 1, FlatBlocks::q5_1);
      case Q8_0 -> Coding.symmetric(8, 1, FlatBlocks::q8_0);
      case Q2_K -> Coding.offset(2, 16, SuperBlocks::q2k);
      case Q3_K -> Coding.symmetric(3, 16, SuperBlocks::q3k);
      case Q4_K -> Coding.offset(4, 8, SuperBlocks::q4k);
      case Q5_K -> Coding.offset(5, 8, SuperBlocks::q5k);
      case Q6_K -> Coding.symmetric(6, 16, SuperBlocks::q6k);
      case TQ1_0 -> Coding.symmetric(2, 1, FlatBlocks::tq1);
      case TQ2_0 -> Coding.symmetric(2, 1, FlatBlocks::tq2);
      case MXFP4 -> new Coding(List.of(TableGrid.FP4), 1, 0, FloatBlocks::mxfp4);
      case NVFP4 -> new Coding(List.of(TableGrid.FP4), 4, 0, FloatBlocks::nvfp4);
      case Q2_0 -> Coding.symmetric(2, 1, FlatBlocks::q2_0);
      default -> null;
    };
  }

  /** What decodes it, or null if nothing does. */
  @Nullable Decoder decoder() {
    Coding coding = coding();
    if (coding != null && coding.isUniform()) {
      return (in, at, blocks, out, to) -> {
        Block block = new Block(elements, coding.groups(), blocks);
        for (int b = 0; b < blocks; b++) {
          coding.splitter().split(in, at + b * bytes, block.at(b));
        }
        block.values(blocks, out, to);
      };
    }
    return switch (this) {
      case F32 -> FloatBlocks::f32;
      case F16 -> FloatBlocks::f16;
      case F64 -> FloatBlocks::f64;
      case BF16 -> FloatBlocks::bf16;
      case MXFP4 -> FloatBlocks::mxfp4;
      case NVFP4 -> FloatBlocks::nvfp4;
      default -> null;
    };
  }

  /** The type of its elements as floats are kept in memory, or null. */
  @Nullable DType dtype() {
    return switch (this) {
      case F32 -> DType.F32;
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      default -> null;
    };
  }

  double bitsPerWeight() {
    return 8.0 * bytes / elements;
  }

  /** Bytes of a row of so many elements, a multiple of {@link #elements}. */
  long rowBytes(long columns) {
    return Math.multiplyExact(columns / elements, (long) bytes);
  }
}

package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.CodebookGrid;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A matrix in memory of its own, laid out for multiplication: quantized on a uniform grid of 1 to 8
 * bits, per row or in groups; quantized on a codebook; or single, bfloat16 or half precision.
 * Immutable and thread-safe. Products are single precision; scalar and vector kernels sum in
 * different orders. Where one vector that is not quantized is multiplied with a uniform grid of up
 * to 4 bits in machine code, its numbers are rounded to multiples of about 2<sup>-22</sup> of the
 * largest magnitude or less before; if one is NaN or infinite, nothing is, and the results are NaN
 * or infinite.
 */
public abstract sealed class PackedMatrix permits UniformMatrix, CodebookMatrix, FloatMatrix {
  /** Columns that are unpacked at a time: a tile's share stays in the first cache. */
  static final int CHUNK = 64;

  /** Tokens from which on weights are unpacked once for all of them. */
  private static final int BATCH = 4;

  /** Floats of two lines of a cache, which no other array has a share of then. */
  private static final int APART = 32;

  final Geometry geometry;
  final MatrixKernels kernels;

  /** Adds its share of a product to the rows of a tile. */
  interface Term {
    void add(int tile, float[] y, int yAt);
  }

  /** Stores a tile's products with all tokens. */
  interface Batch {
    void store(int tile, float[] y, int from, int stride);
  }

  PackedMatrix(Geometry geometry, MatrixKernels kernels) {
    this.geometry = geometry;
    this.kernels = kernels;
  }

  /**
   * Repacks a quantized matrix.
   *
   * @param tensor codes and lattice, of rank 2; not modified, and not kept
   * @return the matrix
   * @throws IllegalArgumentException if the rank is not 2
   */
  public static PackedMatrix of(QuantizedTensor tensor) {
    long[] shape = checkRank(tensor.shape());
    return of(tensor, Chosen.of(shape[0], shape[1]));
  }

  /**
   * Repacks a matrix of floats.
   *
   * @param tensor F32, BF16 or F16 values of rank 2; not modified, and not kept
   * @return the matrix, of the same precision
   * @throws IllegalArgumentException if rank or type are others
   */
  public static PackedMatrix of(TensorData tensor) {
    long[] shape = checkRank(tensor.shape());
    return of(tensor, Chosen.of(shape[0], shape[1]));
  }

  static PackedMatrix of(QuantizedTensor tensor, MatrixKernels kernels) {
    return tensor.lattice().grid() instanceof CodebookGrid
        ? CodebookMatrix.of(tensor, kernels)
        : UniformMatrix.of(tensor, kernels);
  }

  static PackedMatrix of(TensorData tensor, MatrixKernels kernels) {
    return FloatMatrix.of(tensor, kernels);
  }

  /**
   * Makes the matrix that an image is of.
   *
   * @throws IllegalArgumentException if the image's parts do not fit together
   */
  static PackedMatrix of(MatrixImage image, MatrixKernels kernels) {
    return switch (image.kind()) {
      case UNIFORM -> UniformMatrix.of(image, kernels);
      case CODEBOOK -> CodebookMatrix.of(image, kernels);
      case FLOAT -> FloatMatrix.of(image, kernels);
    };
  }

  /** Puts codes into a plane: {@code (code - first) * step}. */
  static void putCodes(
      QuantizedTensor tensor, Geometry geometry, Plane plane, int first, int step) {
    int groups = geometry.groups();
    int group = geometry.group();
    int padded = geometry.groupPadded();
    Team.shared()
        .run(
            geometry.tiles(),
            tile -> {
              byte[] codes = new byte[geometry.columns()];
              int[] fields = new int[geometry.columnsPadded()];
              long from = (long) tile * Geometry.TILE;
              long to = Math.min(from + Geometry.TILE, geometry.rows());
              for (long row = from; row < to; row++) {
                long at = row * geometry.columns();
                MemorySegment.copy(
                    tensor.codes(), ValueLayout.JAVA_BYTE, at, codes, 0, codes.length);
                for (int g = 0; g < groups; g++) {
                  for (int i = 0; i < group; i++) {
                    fields[g * padded + i] = (codes[g * group + i] - first) * step;
                  }
                }
                plane.putRow(row, fields);
              }
            });
  }

  /** All there is to this matrix. */
  abstract MatrixImage image();

  private static long[] checkRank(long[] shape) {
    if (shape.length != 2 || shape[0] > Integer.MAX_VALUE || shape[1] > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "shape %s, expected rows and columns".formatted(Arrays.toString(shape)));
    }
    return shape;
  }

  /** {@return the number of rows, which is the length of a product} */
  public final int rows() {
    return (int) geometry.rows();
  }

  /** {@return the number of columns, which is the length of what is multiplied} */
  public final int columns() {
    return geometry.columns();
  }

  /** {@return the bytes of memory that it takes} */
  public abstract long byteSize();

  /**
   * Multiplies with vectors, one for each token.
   *
   * @param x {@code tokens * columns} floats, token after token; not modified
   * @param tokens number of vectors, at least 1
   * @param activations how x is quantized before, or null if it is not; finite values then
   * @param y receives {@code rows} floats for each token; modified
   * @param from index of the first
   * @param stride from a token's results to those of the next
   * @throws IllegalArgumentException if x has another length, or a value is to be quantized and not
   *     finite
   * @throws IndexOutOfBoundsException if the results do not fit
   */
  public final void multiply(
      float[] x,
      int tokens,
      @Nullable ActivationQuantization activations,
      float[] y,
      int from,
      int stride) {
    if (tokens < 1) {
      throw new IllegalArgumentException("%d tokens, expected at least 1".formatted(tokens));
    }
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    try {
      multiply(new Input(x, tokens, activations), y, from, stride);
    } finally {
      scratch.release(mark);
    }
  }

  /** Multiplies with what other matrices are multiplied with too. */
  final void multiply(Input x, float[] y, int from, int stride) {
    int tokens = x.tokens();
    if (x.length() != (long) tokens * columns()) {
      throw new IllegalArgumentException(
          "%d values, expected %d for each of %d tokens".formatted(x.length(), columns(), tokens));
    }
    if (stride < rows()) {
      throw new IllegalArgumentException("stride %d, expected %d".formatted(stride, rows()));
    }
    Objects.checkFromIndexSize(from, (tokens - 1L) * stride + rows(), y.length);
    try {
      if (tokens < batchFrom(x)) {
        for (int token = 0; token < tokens; token++) {
          one(product(x, token), y, from + token * stride);
        }
      } else {
        Batch batch = batch(x);
        forEachTile(tokens, tile -> batch.store(tile, y, from, stride));
      }
    } finally {
      Reference.reachabilityFence(this); // kernels know no more than the memory's address
    }
  }

  /** Sums of a tile are apart from those that other threads have at the same time. */
  private void one(Term term, float[] y, int from) {
    int rows = Geometry.TILE;
    forEachTile(
        1,
        tile -> {
          float[] sums = zeros(rows + 2 * APART);
          term.add(tile, sums, APART);
          int first = tile * rows;
          System.arraycopy(sums, APART, y, from + first, Math.min(rows, rows() - first));
        });
  }

  /**
   * Multiplies one vector, unquantized.
   *
   * @param x {@code columns} floats; not modified
   * @return {@code rows} floats
   * @throws IllegalArgumentException if x has another length
   */
  public final float[] multiply(float[] x) {
    float[] y = new float[rows()];
    multiply(x, 1, null, y, 0, rows());
    return y;
  }

  final void forEachTile(int tokens, Team.Body work) {
    Team.run(
        geometry.rows() * geometry.columns() * tokens,
        geometry.tiles(),
        tile -> {
          Scratch scratch = Scratch.ofTask();
          int mark = scratch.mark();
          try {
            work.run(tile);
          } finally {
            scratch.release(mark);
          }
        });
  }

  /** Stores the sums of a tile, {@code [token][row]}. */
  final void store(int tile, float[] sums, int tokens, float[] y, int from, int stride) {
    int first = tile * Geometry.TILE;
    int count = Math.min(Geometry.TILE, rows() - first);
    for (int token = 0; token < tokens; token++) {
      System.arraycopy(sums, token * Geometry.TILE, y, from + token * stride + first, count);
    }
  }

  /**
   * Reads a row, such as a token's embedding.
   *
   * @param row its index
   * @param out receives {@code columns} floats; modified
   * @param from index of the first
   * @throws IndexOutOfBoundsException if there is no such row, or it does not fit
   */
  public final void row(int row, float[] out, int from) {
    Objects.checkIndex(row, rows());
    Objects.checkFromIndexSize(from, columns(), out.length);
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    float[] values = scratch.floats(Geometry.UNIT);
    for (int g = 0; g < geometry.groups(); g++) {
      for (int i = 0; i < geometry.group(); i += Geometry.UNIT) {
        int inner = scratch.mark();
        unit(row, g * geometry.groupPadded() + i, values);
        scratch.release(inner);
        int count = Math.min(Geometry.UNIT, geometry.group() - i);
        System.arraycopy(values, 0, out, from + g * geometry.group() + i, count);
      }
    }
    scratch.release(mark);
  }

  /** Reads a unit of columns of a row, the first one padded. */
  abstract void unit(int row, int column, float[] values);

  /** The product with one vector, as long as the caller's scratch keeps what it is made of. */
  abstract Term product(Input x, int token);

  /** From how many vectors on {@link #batch} is faster than one product after the other. */
  int batchFrom(Input x) {
    return BATCH;
  }

  /** The product with all vectors. */
  Batch batch(Input x) {
    return floatBatch(x);
  }

  /**
   * Unpacks columns of a tile, {@code [column][row]}, by way of the task's scratch.
   *
   * @param column the first one, padded; a multiple of {@link Geometry#UNIT}
   * @param count number of columns within one group, such a multiple too, up to {@link #CHUNK}
   * @param out overwritten
   */
  abstract void unpack(int tile, int column, int count, float[] out);

  /** The product with all vectors by way of floats. */
  final Batch floatBatch(Input x) {
    int tokens = x.tokens();
    Scratch scratch = Scratch.ofCaller();
    float[] chunks = scratch.floats(Math.multiplyExact(tokens, geometry.columnsPadded()));
    float[] values = x.values();
    for (int token = 0; token < tokens; token++) {
      int mark = scratch.mark();
      float[] padded = geometry.pad(values, token);
      for (int column = 0; column < padded.length; column += chunk()) {
        System.arraycopy(padded, column, chunks, column * tokens + token * chunk(), chunk());
      }
      scratch.release(mark);
    }
    return (tile, y, from, stride) -> {
      float[] sums = zeros(Math.multiplyExact(tokens, Geometry.TILE));
      multiplyUnpacked(tile, chunks, tokens, sums);
      store(tile, sums, tokens, y, from, stride);
    };
  }

  /** The product with one vector by way of floats. */
  final Term floatTerm(Input x, int token) {
    float[] padded = geometry.pad(x.values(), token);
    return (tile, y, yAt) -> {
      float[] sums = zeros(Geometry.TILE);
      multiplyUnpacked(tile, padded, 1, sums);
      kernels.addScaled(1, sums, 0, y, yAt, sums.length);
    };
  }

  /** Zeros in the task's scratch. */
  static float[] zeros(int length) {
    float[] zeros = Scratch.ofTask().floats(length);
    Arrays.fill(zeros, 0f);
    return zeros;
  }

  /** Multiplies with {@code [chunk][token][column]}. */
  private void multiplyUnpacked(int tile, float[] x, int tokens, float[] sums) {
    int chunk = chunk();
    Scratch scratch = Scratch.ofTask();
    float[] weights = scratch.floats(chunk * Geometry.TILE);
    int mark = scratch.mark();
    for (int column = 0; column < geometry.columnsPadded(); column += chunk) {
      unpack(tile, column, chunk, weights);
      scratch.release(mark);
      kernels.dense(weights, chunk, x, column * tokens, chunk, tokens, sums);
    }
  }

  /** How many columns are unpacked together. */
  private int chunk() {
    return chunk(CHUNK);
  }

  /** How many columns of a group are unpacked together, if there are so many at most. */
  final int chunk(int most) {
    int chunk = most;
    while (geometry.groupPadded() % chunk != 0) {
      chunk /= 2;
    }
    return chunk;
  }
}

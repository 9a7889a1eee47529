package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.CodebookGrid;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A matrix in memory of its own, laid out for multiplication: quantized on a uniform grid of 1 to 8
 * bits, per row or in groups; quantized on a codebook; or single, bfloat16 or half precision.
 * Immutable and thread-safe. Products are single precision; scalar and vector kernels sum in
 * different orders.
 */
public abstract sealed class PackedMatrix permits UniformMatrix, CodebookMatrix, FloatMatrix {
  /** Columns that are decoded at a time: a tile's share stays in the first cache. */
  static final int CHUNK = 128;

  /** Tokens from which on weights are decoded once for all of them. */
  private static final int BATCH = 4;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long WORTH_THREADS = 1 << 17;

  final Geometry geometry;
  final MatrixKernels kernels;

  /** Adds its share of a product to the rows of a tile. */
  interface Term {
    void add(int tile, float[] y);
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
    if (tokens < 1 || x.length != (long) tokens * columns()) {
      throw new IllegalArgumentException(
          "%d values, expected %d for each of %d tokens".formatted(x.length, columns(), tokens));
    }
    if (stride < rows()) {
      throw new IllegalArgumentException("stride %d, expected %d".formatted(stride, rows()));
    }
    Objects.checkFromIndexSize(from, (tokens - 1L) * stride + rows(), y.length);
    if (tokens < BATCH) {
      for (int token = 0; token < tokens; token++) {
        float[] one = Arrays.copyOfRange(x, token * columns(), (token + 1) * columns());
        Term term = product(one, activations);
        int to = from + token * stride;
        forEachTile(
            1,
            tile -> {
              float[] rows = new float[geometry.tileRows()];
              term.add(tile, rows);
              store(tile, rows, 0, y, to);
            });
      }
    } else {
      batch(quantized(x, tokens, activations), tokens, y, from, stride);
    }
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

  final float[] quantized(float[] x, int tokens, @Nullable ActivationQuantization activations) {
    if (activations == null) {
      return x;
    }
    float[] rounded = x.clone();
    activations.fakeQuantize(rounded, tokens, columns());
    return rounded;
  }

  private void batch(float[] x, int tokens, float[] y, int from, int stride) {
    float[] padded = geometry.pad(x, tokens);
    forEachTile(
        tokens,
        tile -> {
          float[] sums = new float[Math.multiplyExact(tokens, geometry.tileRows())];
          float[] weights = new float[CHUNK * geometry.tileRows()];
          for (int column = 0; column < geometry.columnsPadded(); ) {
            int inGroup = column % geometry.groupPadded();
            int count = Math.min(CHUNK, geometry.groupPadded() - inGroup);
            decode(tile, column, count, weights);
            kernels.dense(
                MemorySegment.ofArray(weights),
                0,
                count,
                padded,
                column,
                geometry.columnsPadded(),
                tokens,
                sums);
            column += count;
          }
          for (int token = 0; token < tokens; token++) {
            store(tile, sums, token * geometry.tileRows(), y, from + token * stride);
          }
        });
  }

  private void forEachTile(int tokens, IntConsumer work) {
    IntStream tiles = IntStream.range(0, geometry.tiles());
    long products = geometry.rows() * geometry.columns() * tokens;
    (products < WORTH_THREADS ? tiles : tiles.parallel()).forEach(work);
  }

  private void store(int tile, float[] sums, int at, float[] y, int to) {
    int first = tile * geometry.tileRows();
    int count = Math.min(geometry.tileRows(), rows() - first);
    System.arraycopy(sums, at, y, to + first, count);
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
    for (int column = 0; column < columns(); column++) {
      out[from + column] = value(row, column);
    }
  }

  abstract float value(int row, int column);

  /** The product with one vector. */
  abstract Term product(float[] x, @Nullable ActivationQuantization activations);

  /**
   * Decodes columns of a tile, {@code [column][row]}.
   *
   * @param column the first one, padded; a multiple of {@link Geometry#UNIT}
   * @param count number of columns within one group, such a multiple too
   * @param out overwritten
   */
  abstract void decode(int tile, int column, int count, float[] out);

  /** The product with one vector by way of decoded columns. */
  final Term decodedProduct(float[] x) {
    float[] padded = geometry.pad(x, 1);
    return (tile, y) -> {
      float[] weights = new float[CHUNK * geometry.tileRows()];
      for (int column = 0; column < geometry.columnsPadded(); ) {
        int inGroup = column % geometry.groupPadded();
        int count = Math.min(CHUNK, geometry.groupPadded() - inGroup);
        decode(tile, column, count, weights);
        kernels.dense(MemorySegment.ofArray(weights), 0, count, padded, column, 0, 1, y);
        column += count;
      }
    };
  }
}

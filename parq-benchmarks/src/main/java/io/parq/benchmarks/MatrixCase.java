package io.parq.benchmarks;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import io.parq.runtime.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Products of a matrix with some tokens. There are as many copies of the matrix as fill a pool, one
 * for each run in turn, so that weights come from memory and not from a cache.
 */
final class MatrixCase implements Case {
  private static final double TOLERANCE = 1e-5;

  /** Of several tokens, the first of so many results is checked. */
  private static final int SOME = 13;

  private final List<PackedMatrix> pool = new ArrayList<>();
  private final float[] weights;
  private final float[] x;
  private final float[] y;
  private final int tokens;
  private final @Nullable ActivationQuantization activations;
  private int runs;

  /**
   * Prepares the matrices.
   *
   * @param rows of the matrix
   * @param columns of the matrix
   * @param kind fp32, bf16, fp16 or how it is quantized
   * @param tokens multiplied at a time
   * @param activations how they are quantized, or null
   * @param poolBytes bytes that the copies take at least
   */
  MatrixCase(
      int rows,
      int columns,
      String kind,
      int tokens,
      @Nullable ActivationQuantization activations,
      long poolBytes) {
    this.tokens = tokens;
    this.activations = activations;
    float[] values = new float[Math.multiplyExact(rows, columns)];
    Data.weights(MemorySegment.ofArray(values), 0);
    if (kind.contains(":") || kind.contains(" ")) {
      QuantizedTensor tensor =
          QuantizedTensor.quantize(
              QuantConfig.parse(kind), MemorySegment.ofArray(values), rows, columns);
      weights = tensor.dequantize();
      fill(() -> PackedMatrix.of(tensor), poolBytes);
    } else {
      TensorData tensor = floats(values, kind, rows, columns);
      weights = tensor.toFloats();
      fill(() -> PackedMatrix.of(tensor), poolBytes);
    }
    x = new float[tokens * columns];
    Data.gradients(MemorySegment.ofArray(x), 0);
    y = new float[tokens * rows];
  }

  private void fill(java.util.function.Supplier<PackedMatrix> copy, long poolBytes) {
    long bytes = 0;
    do {
      PackedMatrix matrix = copy.get();
      pool.add(matrix);
      bytes += matrix.byteSize();
    } while (bytes < poolBytes);
  }

  private static TensorData floats(float[] values, String kind, int rows, int columns) {
    if (kind.equals("fp32")) {
      return TensorData.of(values, rows, columns);
    }
    short[] bits = new short[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] =
          switch (kind) {
            case "bf16" -> SmallFloat.toBf16(values[i]);
            case "fp16" -> Float.floatToFloat16(values[i]);
            default ->
                throw new IllegalArgumentException(
                    "weights '%s', expected fp32, bf16, fp16 or a configuration".formatted(kind));
          };
    }
    DType type = kind.equals("bf16") ? DType.BF16 : DType.F16;
    return new TensorData(type, new long[] {rows, columns}, MemorySegment.ofArray(bits));
  }

  private PackedMatrix matrix() {
    return pool.get(runs % pool.size());
  }

  @Override
  public void run() {
    PackedMatrix matrix = matrix();
    matrix.multiply(x, tokens, activations, y, 0, matrix.rows());
    runs++;
  }

  @Override
  public void check() {
    int rows = matrix().rows();
    int columns = matrix().columns();
    float[] rounded = x.clone();
    if (activations != null) {
      activations.fakeQuantize(rounded, tokens, columns);
    }
    for (int i = 0; i < y.length; i += tokens == 1 ? 1 : SOME) {
      double sum = 0;
      double size = 0;
      for (int column = 0; column < columns; column++) {
        double product =
            (double) weights[i % rows * columns + column] * rounded[i / rows * columns + column];
        sum += product;
        size += Math.abs(product);
      }
      if (!(Math.abs(y[i] - sum) <= TOLERANCE * size)) {
        throw new IllegalStateException(
            String.format(
                Locale.ROOT,
                "row %d of token %d is %s, expected %s",
                i % rows,
                i / rows,
                y[i],
                sum));
      }
    }
  }

  @Override
  public long weights() {
    return weights.length;
  }

  @Override
  public long bytes() {
    return pool.getFirst().byteSize();
  }

  @Override
  public void close() {
    pool.clear();
  }
}

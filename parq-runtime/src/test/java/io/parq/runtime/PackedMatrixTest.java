package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products against sums in double precision, by plain loops and by vectors. */
class PackedMatrixTest {
  /** Of the sum of magnitudes; single-precision sums of a thousand products stay well below. */
  private static final double TOLERANCE = 2e-6;

  private static final List<MatrixKernels> KERNELS =
      List.of(new ScalarKernels(), new VectorKernels(false), Chosen.of(1 << 10, 1 << 10));

  /** Rows and columns. */
  private static final int[][] SHAPES = {{1, 1}, {3, 33}, {65, 96}, {130, 257}, {40, 640}};

  private static final ActivationQuantization[] ACTIVATIONS = {
    null,
    ActivationQuantization.INT8_ASYM_PER_TOKEN,
    ActivationQuantization.INT8_SYM_PER_TOKEN,
    ActivationQuantization.FP8_E4M3_PER_ROW
  };

  static Stream<String> configs() {
    List<String> configs = new ArrayList<>();
    for (String granularity :
        List.of("per-row", "per-tensor", "group:32", "group:64", "group:128", "group:20")) {
      for (int bits = 1; bits <= 8; bits++) {
        configs.add("stretched:%d %s fp32".formatted(bits, granularity));
        if (bits > 1) {
          configs.add("symmetric:%d %s bf16".formatted(bits, granularity));
          configs.add("asymmetric:%d %s fp32".formatted(bits, granularity));
        }
      }
      configs.add("asymmetric-uniform:4 %s fp32".formatted(granularity));
      configs.add("asymmetric-uniform:1 %s fp32".formatted(granularity));
      configs.add("clipped:4:max:1.0:0.0 %s fp32".formatted(granularity));
      configs.add("clipped:3:mean:0.5:0.5 %s fp32".formatted(granularity));
      configs.add("stretched:2+centred %s fp32".formatted(granularity));
      configs.add("ternary %s fp16".formatted(granularity));
      configs.add("tinygemm %s fp32".formatted(granularity));
      configs.add("nf4 %s fp32".formatted(granularity));
      configs.add("fp4 %s e8m0".formatted(granularity));
      configs.add("fp4 %s e4m3".formatted(granularity));
      configs.add("lsbq-greedy:2 %s fp32".formatted(granularity));
      configs.add("lsbq-greedy:3+centred %s fp32".formatted(granularity));
      configs.add("lsbq-optimal-ternary %s fp32".formatted(granularity));
    }
    return configs.stream();
  }

  @ParameterizedTest
  @MethodSource("configs")
  void productsOfQuantizedMatrices(String text) {
    QuantConfig config = QuantConfig.parse(text);
    int unit =
        config.granularity() instanceof io.parq.grids.Granularity.PerGroup(int size) ? size : 1;
    SplittableRandom random = new SplittableRandom(text.hashCode());
    for (int[] shape : SHAPES) {
      int rows = shape[0];
      int columns = Math.ceilDiv(shape[1], unit) * unit;
      float[] values = normal(random, rows * columns);
      QuantizedTensor tensor =
          QuantizedTensor.quantize(config, MemorySegment.ofArray(values), rows, columns);
      float[] weights = tensor.dequantize();
      check(
          KERNELS.stream().map(kernels -> PackedMatrix.of(tensor, kernels)).toList(),
          weights,
          random,
          text);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "F16"})
  void productsOfFloats(DType type) {
    SplittableRandom random = new SplittableRandom(7);
    for (int[] shape : SHAPES) {
      float[] values = normal(random, shape[0] * shape[1]);
      MemorySegment data = MemorySegment.ofArray(values);
      if (type != DType.F32) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
          boolean brain = type == DType.BF16;
          bits[i] = brain ? SmallFloat.toBf16(values[i]) : Float.floatToFloat16(values[i]);
        }
        data = MemorySegment.ofArray(bits);
      }
      TensorData tensor = new TensorData(type, new long[] {shape[0], shape[1]}, data);
      check(
          KERNELS.stream().map(kernels -> PackedMatrix.of(tensor, kernels)).toList(),
          tensor.toFloats(),
          random,
          type.toString());
    }
  }

  private static float[] normal(SplittableRandom random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static void check(
      List<PackedMatrix> matrices, float[] weights, SplittableRandom random, String name) {
    int rows = matrices.getFirst().rows();
    int columns = matrices.getFirst().columns();
    matrices.forEach(matrix -> checkRow(matrix, weights, name));
    for (int tokens : new int[] {1, 2, 6, 9, 11}) {
      float[] x = normal(random, tokens * columns);
      for (ActivationQuantization activations : ACTIVATIONS) {
        float[] rounded = x.clone();
        if (activations != null) {
          activations.fakeQuantize(rounded, tokens, columns);
        }
        double[] sizes = new double[tokens * rows];
        double[] expected = reference(weights, rows, columns, rounded, sizes);
        for (PackedMatrix matrix : matrices) {
          String where =
              "%s %dx%d, %d tokens %s %s"
                  .formatted(name, rows, columns, tokens, activations, matrix.kernels);
          checkProduct(matrix, x, tokens, activations, expected, sizes, where);
        }
      }
    }
  }

  private static void checkRow(PackedMatrix matrix, float[] weights, String name) {
    int columns = matrix.columns();
    int last = matrix.rows() - 1;
    float[] row = new float[columns + 2];
    matrix.row(last, row, 1);
    for (int i = 0; i < columns; i++) {
      float expected = weights[last * columns + i];
      assertEquals(expected, row[i + 1], 1e-5f * (1 + Math.abs(expected)), name);
    }
  }

  private static double[] reference(
      float[] weights, int rows, int columns, float[] x, double[] sizes) {
    double[] sums = new double[sizes.length];
    for (int i = 0; i < sums.length; i++) {
      int from = i % rows * columns;
      int at = i / rows * columns;
      for (int column = 0; column < columns; column++) {
        double product = (double) weights[from + column] * x[at + column];
        sums[i] += product;
        sizes[i] += Math.abs(product);
      }
    }
    return sums;
  }

  private static void checkProduct(
      PackedMatrix matrix,
      float[] x,
      int tokens,
      ActivationQuantization activations,
      double[] expected,
      double[] sizes,
      String where) {
    int rows = matrix.rows();
    float[] y = new float[3 + tokens * (rows + 5)];
    Arrays.fill(y, 77);
    matrix.multiply(x, tokens, activations, y, 3, rows + 5);
    for (int i = 0; i < expected.length; i++) {
      int at = 3 + i / rows * (rows + 5) + i % rows;
      // Grids with zero points subtract sums that are larger than what they end with.
      double most =
          TOLERANCE
              * (sizes[i] + matrix.columns() * (where.startsWith("asymmetric") ? 1 : 0.2) + 1);
      if (!(Math.abs(expected[i] - y[at]) <= most)) {
        assertEquals(expected[i], y[at], most, where + ", result " + i);
      }
    }
    for (int token = 0; token < tokens; token++) {
      int at = 3 + token * (rows + 5);
      assertEquals(77, y[at - 1], "nothing before is touched");
      assertTrue(at + rows >= y.length || y[at + rows] == 77, "nothing behind is touched");
    }
  }

  /** The largest whole numbers that sums of 16 bits must hold. */
  @Test
  void wholeNumbersDoNotOverflow() {
    for (String text :
        List.of("symmetric:4", "symmetric:2", "stretched:1", "stretched:3", "symmetric:3")) {
      for (float sign : new float[] {-1, 1}) {
        int columns = 1024;
        float[] values = new float[columns];
        Arrays.fill(values, sign);
        QuantizedTensor tensor =
            QuantizedTensor.quantize(
                QuantConfig.parse(text + " per-row fp32"),
                MemorySegment.ofArray(values),
                1,
                columns);
        float[] weights = tensor.dequantize();
        for (MatrixKernels kernels : KERNELS) {
          PackedMatrix matrix = PackedMatrix.of(tensor, kernels);
          for (float x : new float[] {-1, 1}) {
            float[] input = new float[columns];
            Arrays.fill(input, x);
            float[] y = new float[1];
            matrix.multiply(input, 1, ActivationQuantization.INT8_ASYM_PER_TOKEN, y, 0, 1);
            ActivationQuantization.INT8_ASYM_PER_TOKEN.fakeQuantize(input, 1, columns);
            assertEquals(columns * weights[0] * input[0], y[0], 1e-2f, text);
          }
        }
      }
    }
  }

  @Test
  void planesAreNativeMemory() {
    MemorySegment heap = MemorySegment.ofArray(new byte[64]);
    assertThrows(IllegalArgumentException.class, () -> new Plane(4, 1, heap));
    Geometry geometry = new Geometry(1, 16, 16);
    assertThrows(IllegalArgumentException.class, () -> new Scales(false, geometry, heap));
  }

  @Test
  void argumentsAreChecked() {
    PackedMatrix matrix = PackedMatrix.of(TensorData.of(new float[6], 2, 3));
    assertThrows(IllegalArgumentException.class, () -> matrix.multiply(new float[2]));
    assertThrows(
        IllegalArgumentException.class,
        () -> matrix.multiply(new float[3], 1, null, new float[9], 0, 1));
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> matrix.multiply(new float[6], 2, null, new float[4], 1, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> matrix.row(2, new float[3], 0));
    assertThrows(
        IllegalArgumentException.class, () -> PackedMatrix.of(TensorData.of(new float[6], 6)));
  }
}

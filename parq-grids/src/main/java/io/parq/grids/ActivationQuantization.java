package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;

/**
 * Fake quantization of activations: values are rounded as a runtime with dynamically quantized
 * activations rounds them, and come back as floats. A token is a row.
 */
public enum ActivationQuantization {
  /**
   * 8-bit integers with a scale and an integer zero point for each token.
   *
   * <p>Source: torchao {@code int8_asym_per_token}.
   */
  INT8_ASYM_PER_TOKEN,
  /**
   * 8-bit integers -127 to 127 with a scale {@code max|x| / 127} for each token.
   *
   * <p>Source: torchao {@code choose_qparams_affine}, symmetric over -127..127.
   */
  INT8_SYM_PER_TOKEN,
  /** E4M3 floats with a scale {@code max|x| / 448} for each row. */
  FP8_E4M3_PER_ROW,
  /** E4M3 floats with one scale {@code max|x| / 448}. */
  FP8_E4M3_PER_TENSOR;

  /** {@return the name in recipes and files, such as int8-asym-per-token} */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * Reads what {@code toString} writes.
   *
   * @param text a name such as {@code int8-asym-per-token}
   * @return the quantization
   * @throws IllegalArgumentException if there is no such quantization
   */
  public static ActivationQuantization parse(String text) {
    for (ActivationQuantization quantization : values()) {
      if (quantization.toString().equals(text)) {
        return quantization;
      }
    }
    throw new IllegalArgumentException(
        "activation quantization '%s', expected one of %s"
            .formatted(text, Arrays.toString(values())));
  }

  /**
   * Rounds activations in place.
   *
   * @param x rows times columns activations, row-major; modified
   * @param rows tokens, at least 1
   * @param columns features, at least 1
   * @throws IllegalArgumentException if the sizes do not match or a value is not finite; x is then
   *     unchanged
   */
  public void fakeQuantize(float[] x, int rows, int columns) {
    if (rows < 1 || columns < 1 || x.length != Math.multiplyExact(rows, columns)) {
      throw new IllegalArgumentException(
          "%d activations, expected %d rows times %d columns, at least 1 each"
              .formatted(x.length, rows, columns));
    }
    for (int i = 0; i < x.length; i++) {
      if (!Float.isFinite(x[i])) {
        throw new IllegalArgumentException(
            "activation at row %d, column %d is %s, expected finite"
                .formatted(i / columns, i % columns, x[i]));
      }
    }
    switch (this) {
      case INT8_ASYM_PER_TOKEN -> integers(UniformGrid.asymmetric(8), x, rows, columns);
      case INT8_SYM_PER_TOKEN -> integers(UniformGrid.symmetricReducedRange(), x, rows, columns);
      case FP8_E4M3_PER_ROW -> {
        for (int row = 0; row < rows; row++) {
          e4m3(x, row * columns, columns);
        }
      }
      case FP8_E4M3_PER_TENSOR -> e4m3(x, 0, x.length);
    }
  }

  private static void integers(Grid grid, float[] x, int rows, int columns) {
    QuantConfig config = new QuantConfig(grid, Granularity.perRow(), ScaleType.FP32);
    Lattice lattice = Lattice.unfitted(config, rows, columns);
    MemorySegment values = MemorySegment.ofArray(x);
    lattice.fit(values);
    for (int row = 0; row < rows; row++) {
      lattice.nearest(row, x, row * columns, columns, values, (long) row * columns);
    }
  }

  private static void e4m3(float[] x, int from, int length) {
    float scale = Lattice.KERNELS.absMax(x, from, length, 0f) / SmallFloat.E4M3_MAX;
    if (scale == 0f) {
      Arrays.fill(x, from, from + length, 0f);
      return;
    }
    for (int i = from; i < from + length; i++) {
      x[i] = SmallFloat.fromE4m3(SmallFloat.toE4m3(x[i] / scale)) * scale;
    }
  }
}

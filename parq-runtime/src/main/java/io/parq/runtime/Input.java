package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.Granularity;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.UniformGrid;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Vectors that matrices are multiplied with, one for each token: quantized once, and made ready
 * once for all matrices of a kind. Not for several threads.
 */
final class Input {
  private static final QuantConfig ASYMMETRIC =
      new QuantConfig(UniformGrid.asymmetric(8), Granularity.perRow(), ScaleType.FP32);

  /** Codes -127 to 127, the scale being that of activations. */
  private static final QuantConfig SYMMETRIC =
      new QuantConfig(
          UniformGrid.clipped(8, UniformGrid.Clip.MAX, 1, 0), Granularity.perRow(), ScaleType.FP32);

  private final float[] x;
  private final int tokens;
  private final int columns;
  private final @Nullable ActivationQuantization activations;
  private float @Nullable [] rounded;
  private @Nullable Numbers numbers;
  private final Map<Key, Operand> operands = new HashMap<>();

  private record Key(Operand.Kind kind, int group, int token, boolean whole) {}

  /**
   * Quantized vectors: {@code values[token][column] * factors[token]}.
   *
   * @param values whole numbers of 9 bits
   * @param factors one for each token
   */
  record Numbers(short[] values, float[] factors) {}

  /**
   * Takes vectors.
   *
   * @param x token after token; not copied
   * @param tokens their number
   * @param activations how they are quantized, or null if they are not
   */
  Input(float[] x, int tokens, @Nullable ActivationQuantization activations) {
    this.x = x;
    this.tokens = tokens;
    this.columns = x.length / tokens;
    this.activations = activations;
  }

  int tokens() {
    return tokens;
  }

  /** Values in all. */
  int length() {
    return x.length;
  }

  @Nullable ActivationQuantization activations() {
    return activations;
  }

  /** Whether the vectors are multiples of whole numbers. */
  boolean isWhole() {
    return activations == ActivationQuantization.INT8_ASYM_PER_TOKEN
        || activations == ActivationQuantization.INT8_SYM_PER_TOKEN;
  }

  /** All vectors, quantized and back; not to be modified. */
  float[] values() {
    if (activations == null) {
      return x;
    }
    if (rounded == null) {
      rounded = x.clone();
      activations.fakeQuantize(rounded, tokens, columns);
    }
    return rounded;
  }

  /** The whole numbers. */
  Numbers numbers() {
    if (numbers == null) {
      boolean symmetric = activations == ActivationQuantization.INT8_SYM_PER_TOKEN;
      Lattice lattice = Lattice.unfitted(symmetric ? SYMMETRIC : ASYMMETRIC, tokens, columns);
      lattice.fit(MemorySegment.ofArray(x));
      float[] zeroPoints = lattice.zeroPoints();
      byte[] codes = new byte[columns];
      short[] values = new short[x.length];
      for (int token = 0; token < tokens; token++) {
        lattice.codes(token, x, token * columns, columns, codes, 0);
        short zero = zeroPoints == null ? 0 : (short) zeroPoints[token];
        for (int i = 0; i < columns; i++) {
          values[token * columns + i] = (short) (codes[i] - zero);
        }
      }
      numbers = new Numbers(values, lattice.scales());
    }
    return numbers;
  }

  /** A vector, ready for planes of a kind. */
  Operand operand(MatrixKernels kernels, Geometry geometry, Operand.Kind kind, int token) {
    boolean whole = isWhole() && kind.bits() <= 4;
    Key key = new Key(kind, geometry.group(), token, whole);
    Operand operand = operands.get(key);
    if (operand == null) {
      operand =
          whole
              ? kernels.prepare(
                  kind, geometry.pad(numbers().values(), token), numbers().factors()[token])
              : kernels.prepare(kind, geometry.pad(values(), token));
      operands.put(key, operand);
    }
    return operand;
  }
}

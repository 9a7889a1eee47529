package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import org.jspecify.annotations.Nullable;

/** A linear layer. */
final class Linear {
  private final PackedMatrix matrix;
  private final float @Nullable [] bias;
  private final @Nullable ActivationQuantization activations;

  /**
   * Joins its parts.
   *
   * @param matrix its weights
   * @param bias what is added, or null
   * @param activations how its input is quantized, or null if it is not
   */
  Linear(
      PackedMatrix matrix, float @Nullable [] bias, @Nullable ActivationQuantization activations) {
    this.matrix = matrix;
    this.bias = bias;
    this.activations = activations;
  }

  PackedMatrix matrix() {
    return matrix;
  }

  /** Computes results for tokens, {@code stride} apart from {@code from} on. */
  void apply(float[] x, int tokens, float[] y, int from, int stride) {
    matrix.multiply(x, tokens, activations, y, from, stride);
    if (bias != null) {
      for (int token = 0; token < tokens; token++) {
        for (int i = 0; i < bias.length; i++) {
          y[from + token * stride + i] += bias[i];
        }
      }
    }
  }

  long byteSize() {
    return matrix.byteSize() + (bias == null ? 0 : 4L * bias.length);
  }
}

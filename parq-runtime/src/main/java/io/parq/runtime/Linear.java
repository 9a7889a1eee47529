package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import java.util.List;
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
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    apply(new Input(x, tokens, activations), y, from, stride);
    scratch.release(mark);
  }

  /** Computes results where several layers have the same inputs, one beside the other. */
  static void apply(List<Linear> layers, float[] x, int tokens, float[] y, int stride) {
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    Input input = new Input(x, tokens, layers.getFirst().activations);
    int from = 0;
    for (Linear layer : layers) {
      boolean same = layer.activations == input.activations();
      layer.apply(same ? input : new Input(x, tokens, layer.activations), y, from, stride);
      from += layer.matrix.rows();
    }
    scratch.release(mark);
  }

  private void apply(Input x, float[] y, int from, int stride) {
    int tokens = x.tokens();
    matrix.multiply(x, y, from, stride);
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

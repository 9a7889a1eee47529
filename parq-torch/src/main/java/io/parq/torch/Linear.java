package io.parq.torch;

import io.parq.grids.ActivationQuantization;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** A linear layer, and how its input is quantized. */
final class Linear {
  private final String weight;
  private final UnaryOperator<Tensor> product;
  private @Nullable ActivationQuantization activations;

  /**
   * A layer with unquantized input.
   *
   * @param weight the name of the parameter that it multiplies with
   * @param product what it computes
   */
  Linear(String weight, UnaryOperator<Tensor> product) {
    this.weight = weight;
    this.product = product;
  }

  String weight() {
    return weight;
  }

  void activations(@Nullable ActivationQuantization quantization) {
    activations = quantization;
  }

  Tensor forward(Tensor x) {
    return forward(x, this)[0];
  }

  /** What layers make of the same input, which is quantized once for all. */
  static Tensor[] forward(Tensor x, Linear... layers) {
    Tensor rounded = null;
    Tensor[] results = new Tensor[layers.length];
    for (int i = 0; i < layers.length; i++) {
      ActivationQuantization activations = layers[i].activations;
      if (activations != null && rounded == null) {
        rounded = FakeQuantize.apply(x, activations);
      }
      results[i] = layers[i].product.apply(activations == null || rounded == null ? x : rounded);
    }
    return results;
  }
}

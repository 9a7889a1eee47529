package io.parq.torch;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Divides by the root of the mean square of the last dimension and multiplies by the weight. */
final class RmsNorm {
  private final Tensor weight;
  private final double epsilon;
  private final boolean plusOne;

  /** Gemma stores weights less one. */
  RmsNorm(Tensor weight, double epsilon, boolean plusOne) {
    this.weight = weight;
    this.epsilon = epsilon;
    this.plusOne = plusOne;
  }

  Tensor forward(Tensor x) {
    Tensor factors = plusOne ? weight.add(new Scalar(1.0)) : weight;
    return torch.rms_norm(
        x, new long[] {weight.size(0)}, new TensorOptional(factors), new DoubleOptional(epsilon));
  }
}

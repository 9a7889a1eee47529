package io.parq.torch;

import io.parq.grids.ActivationQuantization;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Fake quantization of activations as a LibTorch operation: in the forward pass values are rounded
 * as {@link ActivationQuantization} rounds them, bit for bit on the CPU; in the backward pass the
 * gradient goes straight through.
 *
 * <p>{@link CausalLm#quantizeActivations} puts it before the linear layers of a decoder. LibTorch
 * has no forward hooks outside of Python, so in a module that someone wrote it is called where the
 * runtime will quantize:
 *
 * <pre>{@code
 * Tensor hidden = up.forward(FakeQuantize.apply(x, ActivationQuantization.INT8_ASYM_PER_TOKEN));
 * }</pre>
 *
 * <p>A TorchScript file must contain it when it is written; it cannot be added here.
 */
public final class FakeQuantize {
  private static final float E4M3_MAX = 448;

  private FakeQuantize() {}

  /**
   * Rounds activations. Under the integer schemes an element's gradient is that of the result, and
   * 0 where its code lies beyond the range; under the others it is that of the result. Scales and
   * zero points have none.
   *
   * <p>Source: torchao {@code IntxFakeQuantizer} with dynamic quantization per token.
   *
   * @param x floats, [..., features]; a token is a row of features; not modified. What is not
   *     finite makes its token (for one scale in all: the whole result) not finite
   * @param quantization how
   * @return the values that the runtime computes with, of the same shape
   * @throws IllegalArgumentException if x is a scalar, has no elements or is not float
   */
  public static Tensor apply(Tensor x, ActivationQuantization quantization) {
    if (x.dim() < 1 || x.numel() == 0 || x.scalar_type().intern() != ScalarType.Float) {
      throw new IllegalArgumentException(
          "activations: rank %d, %d elements of type %s, expected rank 1 or more, and at least one"
                  .formatted(x.dim(), x.numel(), x.scalar_type())
              + " Float");
    }
    return Torch.scoped(
        () -> {
          Tensor rows = x.reshape(-1, x.size(-1));
          Tensor rounded =
              switch (quantization) {
                case INT8_ASYM_PER_TOKEN -> asymmetric(rows);
                case INT8_SYM_PER_TOKEN -> symmetric(rows);
                case FP8_E4M3_PER_ROW -> e4m3(rows, new long[] {1});
                case FP8_E4M3_PER_TENSOR -> e4m3(rows, new long[] {0, 1});
              };
          return rounded.view_as(x);
        });
  }

  private static Tensor asymmetric(Tensor rows) {
    Tensor scale;
    Tensor zeroPoint;
    try (NoGradGuard _ = new NoGradGuard()) {
      T_TensorTensor_T range = torch.aminmax(rows, new LongOptional(1), false);
      Tensor least = range.get0().clamp_max(new Scalar(0f));
      Tensor most = range.get1().clamp_min(new Scalar(0f));
      scale = scale(most.sub(least), 255);
      Tensor exact = least.div(scale).round().neg().sub(new Scalar(128f)).nan_to_num();
      zeroPoint = exact.clamp_min(new Scalar(-128f)).clamp_max(new Scalar(127f)).to(ScalarType.Int);
    }
    return torch.fake_quantize_per_channel_affine(rows, scale, zeroPoint, 0, -128, 127);
  }

  private static Tensor symmetric(Tensor rows) {
    Tensor scale;
    Tensor zeroPoint;
    try (NoGradGuard _ = new NoGradGuard()) {
      scale = scale(rows.abs().amax(new long[] {1}, false), 127);
      zeroPoint = torch.zeros_like(scale).to(ScalarType.Int);
    }
    return torch.fake_quantize_per_channel_affine(rows, scale, zeroPoint, 0, -127, 127);
  }

  /** A width divided by a number of steps, at least the smallest normal number. */
  private static Tensor scale(Tensor width, float steps) {
    return width.div(number(steps, width)).clamp_min(new Scalar(Float.MIN_NORMAL));
  }

  private static Tensor e4m3(Tensor rows, long[] dimensions) {
    Tensor rounded;
    try (NoGradGuard _ = new NoGradGuard()) {
      Tensor scale = rows.abs().amax(dimensions, true);
      scale = scale.div(number(E4M3_MAX, rows));
      scale = scale.masked_fill(scale.eq(new Scalar(0f)), new Scalar(1f));
      Tensor codes =
          rows.div(scale)
              .clamp_min(new Scalar(-E4M3_MAX))
              .clamp_max(new Scalar(E4M3_MAX))
              .to(ScalarType.Float8_e4m3fn);
      rounded = codes.to(ScalarType.Float).mul(scale);
    }
    // The difference is zero, its gradient is not.
    return rounded.add(rows.sub(rows.detach()));
  }

  /** A tensor on the device: devices may multiply by the reciprocal of a host scalar. */
  private static Tensor number(float value, Tensor like) {
    return torch.full(new long[] {1}, new Scalar(value)).to(like.device(), ScalarType.Float);
  }
}

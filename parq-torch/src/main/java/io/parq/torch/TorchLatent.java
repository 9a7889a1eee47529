package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.zeros_like;

import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.optim.Parameter;
import io.parq.optim.ProxMap;
import java.lang.foreign.Arena;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that the host's kernels cannot reach, with the float latents that LibTorch's optimizer
 * updates in its place. The weights are the latents' image, in the weights' own element type.
 */
final class TorchLatent {
  private final TorchTensor tensor;
  private final Tensor latent;
  private final Tensor gradient;
  private final List<Parameter> parameters;
  private @Nullable Lattice lattice;
  private @Nullable TorchKernels kernels;

  TorchLatent(TorchTensor tensor) {
    this.tensor = tensor;
    Tensor weights = tensor.weight().detach();
    MemoryFormatOptional rowMajor = new MemoryFormatOptional(MemoryFormat.Contiguous);
    Tensor floats = weights.to(ScalarType.Float, false, true, rowMajor);
    latent = TorchModules.retained(floats.requires_grad_(true));
    gradient = TorchModules.retained(zeros_like(floats.detach()));
    latent.mutable_grad().put(gradient);
    Tensor shown = TorchModules.retained(latent);
    parameters = TorchTensor.parameters(tensor, shown, TorchModules.retained(gradient));
  }

  /** Its parameters under all names, over the memory of the latents, wherever that is. */
  List<Parameter> parameters() {
    return parameters;
  }

  TorchTensor tensor() {
    return tensor;
  }

  String name() {
    return tensor.name();
  }

  Tensor latent() {
    return latent;
  }

  Tensor gradient() {
    return gradient;
  }

  void quantize(QuantConfig config, ProxMap map) {
    Lattice unfitted = Lattice.unfitted(config, tensor.shape());
    kernels = TorchKernels.of(name(), unfitted, map);
    lattice = unfitted;
  }

  @Nullable Lattice lattice() {
    return lattice;
  }

  void takeGradient() {
    gradient.copy_(tensor.gradient());
  }

  /** Makes the weights the latents, rounded to their type. */
  void publish() {
    tensor.weight().copy_(latent);
  }

  /**
   * Makes the weights the latents' image on the lattice.
   *
   * @param divisor what the latents are divided by first
   */
  void project(ProxMap map, long step, boolean refit, float divisor) {
    if (kernels == null) {
      publish();
      return;
    }
    Tensor x = shrunk(divisor);
    if (refit) {
      kernels.fit(x);
    }
    tensor.weight().copy_(kernels.project(map, step, x));
  }

  private Tensor shrunk(float divisor) {
    Tensor x = latent.detach();
    return divisor == 1f ? x : x.div(Tensor.create(divisor).to(x.device(), ScalarType.Float));
  }

  /** The first element that is not finite, as text, or null. */
  @Nullable String notFinite(String what, Tensor values) {
    if (values.isfinite().all().item_bool()) {
      return null;
    }
    float[] x = TorchData.copy(values).toFloats();
    int i = 0;
    while (Float.isFinite(x[i])) {
      i++;
    }
    long[] shape = tensor.shape();
    long columns = shape.length < 2 ? x.length : x.length / shape[0];
    return "%s: %s %s at index %d [row %d, column %d]"
        .formatted(name(), what, x[i], i, i / columns, i % columns);
  }

  /**
   * Reads the codes off the latents, whose levels the weights must be, rounded to their type.
   *
   * @param progress what an error says of the annealing
   * @throws IllegalStateException if a weight is not on a level
   */
  QuantizedTensor quantized(float divisor, String progress) {
    Lattice held = Lattice.unfitted(fitted().config(), tensor.shape());
    held.load(fitted().state());
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      TensorData latents = TorchData.copy(shrunk(divisor));
      QuantizedTensor quantized = QuantizedTensor.of(held, latents.data());
      float[] values = quantized.dequantize();
      Tensor levels = TorchData.tensor(TensorData.of(values, tensor.shape()));
      Tensor weight = tensor.weight().detach().cpu();
      if (!weight.equal(levels.to(weight.scalar_type()))) {
        throw new IllegalStateException(stray(weight, levels, progress));
      }
      return quantized;
    }
  }

  private String stray(Tensor weight, Tensor levels, String progress) {
    float[] found = TorchData.copy(weight).toFloats();
    float[] expected = TorchData.copy(levels.to(weight.scalar_type())).toFloats();
    int i = 0;
    while (found[i] == expected[i]) {
      i++;
    }
    long[] shape = tensor.shape();
    long columns = shape.length < 2 ? found.length : found.length / shape[0];
    return "%s: row %d, column %d holds %s, nearest level %s: not quantized yet, %s"
        .formatted(name(), i / columns, i % columns, found[i], expected[i], progress);
  }

  private Lattice fitted() {
    if (lattice == null) {
      throw new IllegalStateException(name() + " is not quantized");
    }
    return lattice;
  }

  /** The weights, exactly. */
  TensorData weights() {
    return TorchData.view(tensor.weight(), Arena.ofAuto());
  }

  TensorData latents() {
    return TorchData.view(latent, Arena.ofAuto());
  }

  /** Takes over what was saved. */
  void restore(TensorData weights, TensorData latents) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      tensor.weight().copy_(TorchData.tensor(weights));
      latent.copy_(TorchData.tensor(latents));
    }
  }
}

package io.parq.torch;

import io.parq.optim.Parameter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;

/**
 * The trained parameters of a LibTorch module or a TorchScript file, as memory: optimizers read the
 * gradients and write the weights where LibTorch keeps them, without copies.
 *
 * <p>A parameter's kind is that of the module that owns it: the weight of a linear, embedding or
 * convolution layer; all of a normalization; a bias. A vector in a module of no known type counts
 * as a normalization if the module's own name or path ends in {@code norm}. Parameters with {@code
 * requires_grad} off are left out. Tied weights, found by their address, share one gradient and
 * appear under each name; {@link io.parq.optim.ParamGroup#assign} makes them one parameter with
 * aliases, of the kind that was met first.
 *
 * <p>Each parameter gets a gradient of zeros at once, into which autograd accumulates in place.
 * {@link #zeroGrad} fills it with zeros again. If someone replaces or resets a gradient instead
 * (LibTorch's own {@code zero_grad()} does), {@link #attachGradients} moves its values over; {@link
 * TorchQuantOptimizer} calls that in every step. The memory stays valid as long as this object or
 * one of its parameters is reachable, whatever {@link PointerScope} is closed. Moving the module to
 * another device or element type later is found there, and an error.
 *
 * <p>Not safe for use by several threads at a time.
 */
public final class TorchParameters {
  private final List<TorchTensor> tensors;

  private TorchParameters(List<TorchModules.Entry> entries) {
    Map<String, TorchTensor> byMemory = new LinkedHashMap<>();
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (TorchModules.Entry entry : entries) {
        if (entry.tensor().requires_grad()) {
          String memory =
              entry.tensor().device().str().getString() + TorchTensor.address(entry.tensor());
          TorchTensor known = byMemory.get(memory);
          if (known != null) {
            known.alias(entry);
          } else {
            byMemory.put(memory, new TorchTensor(entry));
          }
        }
      }
    }
    tensors = List.copyOf(byMemory.values());
    if (tensors.isEmpty()) {
      throw new IllegalArgumentException(
          "module without parameters that require a gradient, expected at least one");
    }
  }

  /**
   * Looks at a module.
   *
   * @param module any module; its parameters' gradients are replaced by equal ones
   * @return its parameters, in the order of {@code named_parameters()}
   * @throws IllegalArgumentException if there are none to train, or one is not contiguous or of
   *     another element type than float, bfloat16 or half; the message names it
   */
  public static TorchParameters of(Module module) {
    return new TorchParameters(TorchModules.entries(module));
  }

  /**
   * Looks at a loaded TorchScript module.
   *
   * @param module any module; its parameters' gradients are replaced by equal ones
   * @return its parameters, in the order of {@code named_parameters()}
   * @throws IllegalArgumentException as for other modules
   */
  public static TorchParameters of(JitModule module) {
    return new TorchParameters(TorchModules.entries(module));
  }

  /**
   * {@return the parameters, over the tensors' own memory; tied ones under each name}
   *
   * @throws IllegalArgumentException if one is not float on the CPU; the message names it. {@link
   *     TorchQuantOptimizer} takes such tensors too, if its base is LibTorch's own optimizer
   */
  public List<Parameter> parameters() {
    tensors.forEach(TorchParameters::checkHost);
    return hostParameters();
  }

  /** The parameters over the memory of float tensors on the CPU. */
  List<Parameter> hostParameters() {
    List<Parameter> parameters = new ArrayList<>();
    try (PointerScope _ = new PointerScope()) {
      for (TorchTensor tensor : tensors) {
        if (tensor.isHost()) {
          parameters.addAll(
              TorchTensor.parameters(
                  tensor,
                  TorchModules.retained(tensor.weight()),
                  TorchModules.retained(tensor.gradient())));
        }
      }
    }
    return parameters;
  }

  private static void checkHost(TorchTensor tensor) {
    if (!tensor.isHost()) {
      throw new IllegalArgumentException(
          "%s: %s, expected float on cpu; other tensors need LibTorch's own optimizer as the base"
              .formatted(tensor.name(), tensor.where()));
    }
  }

  List<TorchTensor> tensors() {
    return tensors;
  }

  /** Fills all gradients with zeros, in place. */
  public void zeroGrad() {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (TorchTensor tensor : tensors) {
        tensor.attach();
        tensor.gradient().zero_();
      }
    }
  }

  /**
   * Makes sure that the gradients which the parameters show are those which autograd computed.
   * Where someone replaced a gradient tensor, its values are copied and the tensor that the
   * parameter shows is put back; a gradient that was reset and not computed since counts as zeros.
   *
   * @throws IllegalStateException if the memory of a weight was replaced; the message names it
   */
  public void attachGradients() {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      tensors.forEach(TorchTensor::attach);
    }
  }
}

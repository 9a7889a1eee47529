package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.zeros_like;

import io.parq.optim.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One trained tensor of a module, under all its names, with a gradient tensor that autograd
 * accumulates into in place, so that both can be seen as memory. Several handles exist where tied
 * weights are distinct tensors over one memory; they share the gradient then.
 */
final class TorchTensor {
  /** What each name's owner makes of it. */
  private final Map<String, Parameter.Kind> kinds = new LinkedHashMap<>();

  private final String name;
  private final long[] shape;
  private final Tensor weight;
  private final long address;
  private final List<Tensor> handles = new ArrayList<>();
  private final Tensor gradient;

  TorchTensor(TorchModules.Entry first) {
    this.name = first.name();
    this.weight = first.tensor();
    this.shape = shape(weight);
    this.address = address(weight);
    kinds.put(name, first.kind());
    checkType();
    gradient = TorchModules.retained(zeros_like(weight.detach()));
    handles.add(weight);
    attach();
  }

  /** Where a tensor's elements begin, in the address space of its device. */
  static long address(Tensor tensor) {
    return tensor.data_ptr().address();
  }

  static long[] shape(Tensor tensor) {
    long[] shape = new long[Math.toIntExact(tensor.dim())];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = tensor.size(i);
    }
    return shape;
  }

  private void checkType() {
    ScalarType type = weight.scalar_type().intern();
    if (type != ScalarType.Float && type != ScalarType.BFloat16 && type != ScalarType.Half) {
      throw new IllegalArgumentException(
          "%s: %s elements, expected float, bfloat16 or half".formatted(name(), typeName()));
    }
    if (!weight.is_contiguous()) {
      throw new IllegalArgumentException(
          "%s: elements are not contiguous, expected row-major order".formatted(name()));
    }
  }

  private String typeName() {
    return weight.scalar_type().intern().name().toLowerCase(Locale.ROOT);
  }

  /** Adds another name for the same memory. */
  void alias(TorchModules.Entry other) {
    if (!Arrays.equals(shape, shape(other.tensor()))
        || weight.scalar_type().intern() != other.tensor().scalar_type().intern()) {
      throw new IllegalArgumentException(
          "%s and %s share their weights with shapes %s and %s, expected one shape and type"
              .formatted(
                  name(),
                  other.name(),
                  Arrays.toString(shape),
                  Arrays.toString(shape(other.tensor()))));
    }
    kinds.put(other.name(), other.kind());
    if (handles.stream().noneMatch(handle -> handle.is_same(other.tensor()))) {
      handles.add(other.tensor());
      attach();
    }
  }

  String name() {
    return name;
  }

  long[] shape() {
    return shape;
  }

  Tensor weight() {
    return weight;
  }

  Tensor gradient() {
    return gradient;
  }

  /** Where the weights begin, in the address space of their device. */
  long address() {
    return address;
  }

  /** Whether the host's kernels can work on the memory. */
  boolean isHost() {
    return weight.is_cpu() && weight.scalar_type().intern() == ScalarType.Float;
  }

  /** The element type and the device, such as {@code bfloat16 on cpu}. */
  String where() {
    return typeName() + " on " + weight.device().str().getString();
  }

  /**
   * Makes the gradient what all handles hold together. Autograd replaces a gradient that someone
   * reset, as {@code Module.zero_grad()} does; then the values move over.
   */
  void attach() {
    checkMemory();
    boolean kept = false;
    boolean whole = true;
    for (Tensor handle : handles) {
      boolean own = handle.grad().is_same(gradient);
      kept |= own;
      whole &= own;
    }
    if (whole) {
      return;
    }
    if (!kept) {
      gradient.zero_();
    }
    for (Tensor handle : handles) {
      Tensor other = handle.grad();
      if (!other.is_same(gradient)) {
        if (other.defined()) {
          gradient.add_(other.detach());
        }
        handle.mutable_grad().put(gradient);
      }
    }
  }

  private void checkMemory() {
    if (address(weight) != address) {
      throw new IllegalStateException(
          "%s: its memory was replaced after the module was wrapped (moved, or given another"
                  .formatted(name())
              + " element type?), wrap it again");
    }
  }

  /** The parameters under all names, over the same memory: that of a float32 tensor. */
  static List<Parameter> parameters(TorchTensor source, Tensor weight, Tensor gradient) {
    MemorySegment weights = memory(weight, Arena.ofAuto());
    MemorySegment gradients = memory(gradient, Arena.ofAuto());
    List<Parameter> parameters = new ArrayList<>();
    source.kinds.forEach(
        (name, kind) ->
            parameters.add(new Parameter(name, kind, source.shape, weights, gradients)));
    return parameters;
  }

  /** A retained tensor's memory, not copied; the arena's end closes the tensor. */
  @SuppressWarnings("restricted")
  static MemorySegment memory(Tensor tensor, Arena arena) {
    return MemorySegment.ofAddress(address(tensor))
        .reinterpret(tensor.nbytes(), arena, _ -> tensor.close());
  }
}

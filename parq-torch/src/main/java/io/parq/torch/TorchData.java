package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.empty;

import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Copies between LibTorch's tensors and plain ones; native order is little-endian. */
final class TorchData {
  /** The largest copy that a heap array holds. */
  private static final long MOST_HEAP_BYTES = 1L << 30;

  private TorchData() {}

  /**
   * The elements in their own type: a view of a tensor on the CPU, which lives as long as the
   * arena, and a copy of another.
   */
  static TensorData view(Tensor tensor, Arena arena) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      Tensor host = TorchModules.retained(tensor.detach().cpu().contiguous());
      MemorySegment memory = TorchTensor.memory(host, arena);
      return new TensorData(dtype(tensor), TorchTensor.shape(tensor), memory);
    }
  }

  static DType dtype(Tensor tensor) {
    return switch (tensor.scalar_type().intern()) {
      case BFloat16 -> DType.BF16;
      case Half -> DType.F16;
      default -> DType.F32;
    };
  }

  /** The elements as floats, in memory of their own. */
  static TensorData copy(Tensor tensor) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      Tensor floats = tensor.detach().to(ScalarType.Float).cpu().contiguous();
      MemorySegment memory = memory(floats);
      MemorySegment data = allocate(memory.byteSize()).copyFrom(memory);
      return new TensorData(DType.F32, TorchTensor.shape(tensor), data);
    }
  }

  /**
   * A tensor on the CPU with the elements of a float32, bfloat16 or half one, in their own type.
   */
  static Tensor tensor(TensorData data) {
    ScalarType type =
        switch (data.dtype()) {
          case BF16 -> ScalarType.BFloat16;
          case F16 -> ScalarType.Half;
          default -> ScalarType.Float;
        };
    Tensor tensor = empty(data.shape(), new TensorOptions(type), new MemoryFormatOptional());
    Torch.memory(tensor).copyFrom(data.data());
    return tensor;
  }

  /** A float tensor's memory, valid as long as the tensor. */
  @SuppressWarnings("restricted")
  static MemorySegment memory(Tensor floats) {
    return MemorySegment.ofAddress(TorchTensor.address(floats)).reinterpret(4 * floats.numel());
  }

  private static MemorySegment allocate(long bytes) {
    return bytes <= MOST_HEAP_BYTES
        ? MemorySegment.ofArray(new byte[(int) bytes])
        : Arena.ofAuto().allocate(bytes);
  }
}

package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.empty;

import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Copies between LibTorch's tensors and plain ones, as floats; native order is little-endian. */
final class TorchData {
  /** The largest copy that a heap array holds. */
  private static final long MOST_HEAP_BYTES = 1L << 30;

  private TorchData() {}

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

  /** A float tensor on the CPU with the elements of a float32 one. */
  static Tensor tensor(TensorData data) {
    Tensor tensor = empty(data.shape());
    memory(tensor).copyFrom(data.data());
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

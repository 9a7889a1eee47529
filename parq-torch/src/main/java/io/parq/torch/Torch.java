package io.parq.torch;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * LibTorch's threads and memory.
 *
 * <p>Sums depend on the number of threads, so it is set, not left to the machine. Where other
 * programs run beside, start the process with {@code OMP_WAIT_POLICY=passive} in its environment:
 * threads that spin while they wait slow everything down. JavaCPP gives up when the process takes
 * more than four times the Java heap; {@code -Dorg.bytedeco.javacpp.maxPhysicalBytes=0} lifts that.
 */
public final class Torch {
  private Torch() {}

  /**
   * Sets the number of threads that an operation may use, matrix products included, for the whole
   * process.
   *
   * @param threads at least 1
   * @throws IllegalArgumentException if it is less
   */
  public static void setThreads(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads: " + threads + ", expected at least 1");
    }
    torch.set_num_threads(threads);
    // Matrix products have threads of their own, which LibTorch does not set.
    openblas_nolapack.blas_set_num_threads(threads);
  }

  /** {@return the number of threads that an operation may use} */
  public static int threads() {
    return torch.get_num_threads();
  }

  /**
   * Views a tensor's own memory, with no copy.
   *
   * @param tensor a contiguous tensor in the host's memory
   * @return its elements, row-major; valid as long as the tensor's storage
   * @throws IllegalArgumentException if the tensor is elsewhere or not contiguous
   */
  @SuppressWarnings("restricted") // The address and the size are LibTorch's own.
  public static MemorySegment memory(Tensor tensor) {
    if (!tensor.is_cpu() || !tensor.is_contiguous()) {
      throw new IllegalArgumentException(
          "tensor on %s, contiguous: %b; expected a contiguous one on the CPU"
              .formatted(tensor.is_cpu() ? "the CPU" : "a device", tensor.is_contiguous()));
    }
    return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(tensor.nbytes());
  }

  /** Runs a computation in a scope of its own; only its result goes to the caller's scope. */
  static Tensor scoped(Supplier<Tensor> computation) {
    PointerScope outer = PointerScope.getInnerScope();
    Tensor result;
    try (PointerScope _ = new PointerScope()) {
      result = computation.get();
      result.retainReference();
    }
    if (outer != null) {
      outer.attach(result);
      result.releaseReference();
    }
    return result;
  }
}

package io.parq.torch;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Assumptions;

/** Tells how much native memory a repeated action leaves behind. */
final class TorchMemory {
  private static final int WINDOWS = 3;
  private static final MemoryLayout COUNTERS =
      MemoryLayout.sequenceLayout(10, ValueLayout.JAVA_LONG);

  /** What glibc's mallinfo2 counts: bytes in mapped blocks, and in use elsewhere. */
  private static final long[] IN_USE = {4, 7};

  private TorchMemory() {}

  /**
   * The least growth in bytes of several repetitions: a leak shows in all of them, the just-in-time
   * compiler's own needs do not.
   */
  static long growth(Runnable action) {
    action.run();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < WINDOWS; i++) {
      long pointers = Pointer.totalCount();
      long before = inUse();
      action.run();
      System.gc();
      least = Math.min(least, inUse() - before);
      if (Pointer.totalCount() - pointers > 1000) {
        throw new AssertionError(
            "%d native objects more".formatted(Pointer.totalCount() - pointers));
      }
    }
    return least;
  }

  @SuppressWarnings("restricted")
  private static long inUse() {
    Linker linker = Linker.nativeLinker();
    Optional<MemorySegment> symbol = linker.defaultLookup().find("mallinfo2");
    Assumptions.assumeTrue(symbol.isPresent(), "no mallinfo2 in this C library");
    FunctionDescriptor type =
        FunctionDescriptor.of(MemoryLayout.structLayout(COUNTERS.withName("counters")));
    MethodHandle mallinfo = linker.downcallHandle(symbol.orElseThrow(), type);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment counters = (MemorySegment) mallinfo.invokeExact((SegmentAllocator) arena);
      long sum = 0;
      for (long index : IN_USE) {
        sum += counters.getAtIndex(ValueLayout.JAVA_LONG, index);
      }
      return sum;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}

package io.parq.optim;

import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/** Memory in native byte order as parts of stored tensors, which are little-endian, and back. */
final class Stored {
  private Stored() {}

  /** Views memory part by part as a tensor; it is copied only where the byte order differs. */
  static TensorData view(DType dtype, long[] shape, List<MemorySegment> parts) {
    return new TensorData(
        dtype, shape, parts.stream().map(part -> littleEndian(dtype, part)).toList());
  }

  private static MemorySegment littleEndian(DType dtype, MemorySegment memory) {
    if (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN || dtype.bytes() == 1) {
      return memory.asReadOnly();
    }
    MemorySegment target = Floats.allocateBytes(memory.byteSize());
    copy(
        dtype,
        memory,
        ByteOrder.nativeOrder(),
        0,
        target,
        ByteOrder.LITTLE_ENDIAN,
        0,
        memory.byteSize());
    return target;
  }

  /**
   * Copies a tensor's elements.
   *
   * @param source the tensor
   * @param targets memory in native byte order, as large as the tensor together; modified
   */
  static void fill(TensorData source, List<MemorySegment> targets) {
    int part = 0;
    long used = 0; // of the part
    for (MemorySegment target : targets) {
      for (long filled = 0; filled < target.byteSize(); ) {
        MemorySegment from = source.parts().get(part);
        long bytes = Math.min(from.byteSize() - used, target.byteSize() - filled);
        copy(
            source.dtype(),
            from,
            ByteOrder.LITTLE_ENDIAN,
            used,
            target,
            ByteOrder.nativeOrder(),
            filled,
            bytes);
        filled += bytes;
        used += bytes;
        if (used == from.byteSize()) {
          part++;
          used = 0;
        }
      }
    }
  }

  private static void copy(
      DType dtype,
      MemorySegment source,
      ByteOrder sourceOrder,
      long from,
      MemorySegment target,
      ByteOrder targetOrder,
      long at,
      long bytes) {
    ValueLayout layout =
        switch (dtype.bytes()) {
          case 1 -> ValueLayout.JAVA_BYTE;
          case 2 -> ValueLayout.JAVA_SHORT_UNALIGNED;
          case 4 -> ValueLayout.JAVA_INT_UNALIGNED;
          default -> throw new IllegalArgumentException(dtype + ", expected 1, 2 or 4 bytes");
        };
    MemorySegment.copy(
        source,
        layout.withOrder(sourceOrder),
        from,
        target,
        layout.withOrder(targetOrder),
        at,
        bytes / dtype.bytes());
  }
}

package io.parq.export;

import io.parq.grids.Lattice;
import io.parq.grids.QuantizedTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A quantized tensor whose codes are read piece by piece, so that it need not be in memory. */
public interface TensorCodes extends TensorValues {
  /** {@return what gives the codes their values, not a copy} */
  Lattice lattice();

  /**
   * Reads some of the codes.
   *
   * @param start index of the first element, row-major
   * @param out receives them; modified
   * @param from index of the first in {@code out}
   * @param length number of elements
   * @throws IOException if they are damaged
   */
  void codes(long start, byte[] out, int from, int length) throws IOException;

  @Override
  default void toFloats(long start, float[] out, int from, int length) throws IOException {
    int size = lattice().layout().blockLength();
    byte[] bytes = new byte[Math.min(length, 1 << 14)];
    int count;
    for (int done = 0; done < length; done += count) {
      long first = start + done;
      int left = Math.min(bytes.length, length - done);
      int within = (int) (first % size);
      // Whole blocks, or a part of one.
      count = within == 0 && left >= size ? left / size * size : Math.min(left, size - within);
      codes(first, bytes, 0, count);
      lattice().values((int) (first / size), bytes, 0, count, out, from + done);
    }
  }

  /**
   * {@return the codes of a tensor in memory}
   *
   * @param tensor the tensor; kept
   */
  static TensorCodes of(QuantizedTensor tensor) {
    return new TensorCodes() {
      @Override
      public Lattice lattice() {
        return tensor.lattice();
      }

      @Override
      public void codes(long start, byte[] out, int from, int length) {
        MemorySegment.copy(tensor.codes(), ValueLayout.JAVA_BYTE, start, out, from, length);
      }

      @Override
      public void toFloats(long start, float[] out, int from, int length) {
        tensor.toFloats(start, out, from, length);
      }
    };
  }
}

package io.parq.runtime;

import com.sun.management.ThreadMXBean;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Prints how many bytes of garbage compiled products make; a program of its own for each case. */
final class Garbage {
  static final int ROWS = 256;
  static final int COLUMNS = 1024;
  private static final int ROUNDS = 200;
  private static final int PRODUCTS = 50;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private Garbage() {}

  /**
   * Runs.
   *
   * @param args how weights are quantized
   */
  public static void main(String[] args) {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[ROWS * COLUMNS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    QuantizedTensor tensor =
        QuantizedTensor.quantize(
            QuantConfig.parse(args[0]), MemorySegment.ofArray(values), ROWS, COLUMNS);
    PackedMatrix matrix = PackedMatrix.of(tensor);
    float[] x = Arrays.copyOf(values, COLUMNS);
    for (ActivationQuantization activations :
        new ActivationQuantization[] {null, ActivationQuantization.INT8_ASYM_PER_TOKEN}) {
      System.out.println(garbage(matrix, matrix.product(new Input(x, 1, activations), 0)));
    }
  }

  private static long garbage(PackedMatrix matrix, PackedMatrix.Term term) {
    float[] y = new float[ROWS];
    int rows = matrix.geometry.tileRows();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < PRODUCTS; i++) {
        for (int tile = 0; tile < matrix.geometry.tiles(); tile++) {
          term.add(tile, y, tile * rows);
        }
      }
      least = Math.min(least, (THREADS.getCurrentThreadAllocatedBytes() - before) / PRODUCTS);
    }
    return least;
  }
}

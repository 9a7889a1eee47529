package io.parq.grids;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A thread's own arrays, so that fits and searches leave no garbage. */
final class Scratch {
  private static final ThreadLocal<Scratch> OWN = ThreadLocal.withInitial(Scratch::new);

  /** Beyond this many floats an array is not kept. */
  private static final int MOST_KEPT = 1 << 20;

  private static final int MOST_LEVELS = 256;

  /** The levels of a block, ascending. */
  final float[] levels = new float[MOST_LEVELS];

  /** What a value must reach to go to the level above. */
  final float[] thresholds = new float[MOST_LEVELS];

  /** Lanes of a sum. */
  final double[] lanes = new double[BlockKernels.SUM_LANES];

  /** Of some runs of a block. */
  final float[] largestOfRuns = new float[VectorSums.RUNS];

  final double[] sumsOfRuns = new double[VectorSums.RUNS];

  /** Of the scales of a run of blocks. */
  final float[] reciprocals = new float[VectorMaps.RUN];

  final MagnitudeFit magnitudes = new MagnitudeFit();

  final BestSplit split = new BestSplit();

  private float[] values = {};

  private MemorySegment memory = MemorySegment.NULL;

  private Scratch() {}

  static Scratch own() {
    return OWN.get();
  }

  /** An array of at least n floats, of any content; the same at each call. */
  float[] values(int n) {
    if (n > MOST_KEPT) {
      return new float[n];
    }
    if (values.length < n) {
      values = new float[n];
    }
    return values;
  }

  /** The same in native memory. */
  MemorySegment memory(int n) {
    if (n > MOST_KEPT) {
      return allocate(n);
    }
    if (memory.byteSize() < 4L * n) {
      memory = allocate(n);
    }
    return memory;
  }

  private static MemorySegment allocate(int n) {
    return Arena.ofAuto().allocate(4L * n, 64);
  }
}

package io.parq.optim;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What one worker works on: the memory that an update reads and writes, all runs of {@code length}
 * elements, and arrays of the worker's own.
 */
final class Tile {
  private static final MemorySegment NOTHING = MemorySegment.NULL;

  /** Latents from index 0, or null if the weights themselves are updated. */
  float @Nullable [] latents;

  /** The parameter's weights and gradient, from element {@code start}. */
  MemorySegment weights = NOTHING;

  MemorySegment gradient = NOTHING;
  long start;
  int length;

  /** Moments from index 0, empty if the optimizer has fewer. */
  float[] first = {};

  float[] second = {};

  /** Whether all elements were finite after the update. */
  boolean isFinite;

  /** Copies of weights and gradient; x also holds shrunk latents. */
  float[] x = {};

  float[] g = {};

  /** Moments that are kept in lower precision, widened; as long as an update needs. */
  private float[] widenedFirst = {};

  private float[] widenedSecond = {};

  /** Scratch for sums of squares. */
  final double[] lanes = new double[UpdateKernels.SQUARES];

  /** Scratch for codes of moments. */
  final int[] indices = new int[Moments.BLOCK];

  /** Scratch of proximal maps. */
  float[] lower = {};

  float[] upper = {};

  /** Copies of heap memory, for kernels that read native memory only. */
  MemorySegment nativeWeights = NOTHING;

  MemorySegment nativeGradient = NOTHING;

  void ensure(int elements) {
    if (x.length < elements) {
      x = new float[elements];
      g = new float[elements];
      lower = new float[elements];
      upper = new float[elements];
    }
  }

  void ensureNative(int elements) {
    if (nativeWeights.byteSize() < 4L * elements) {
      nativeWeights = Floats.allocateNative(elements);
      nativeGradient = Floats.allocateNative(elements);
    }
  }

  float[] widenedFirst() {
    widenedFirst = widenedFirst.length < length ? new float[length] : widenedFirst;
    return widenedFirst;
  }

  float[] widenedSecond() {
    widenedSecond = widenedSecond.length < length ? new float[length] : widenedSecond;
    return widenedSecond;
  }

  float[] latents() {
    if (latents == null) {
      throw new IllegalStateException("no latents");
    }
    return latents;
  }
}

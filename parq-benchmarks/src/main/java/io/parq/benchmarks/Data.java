package io.parq.benchmarks;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * The weights and gradients that benchmarks start from: normal numbers that repeat after a prime
 * number of them, so that no two rows are the same and any element can be told from its index.
 */
final class Data {
  private static final int PERIOD = 1_048_573;
  private static final float[] WEIGHTS = normal(1, 0.02f);
  private static final float[] GRADIENTS = normal(2, 0.001f);

  private Data() {}

  private static float[] normal(long seed, float deviation) {
    Random random = new Random(seed);
    float[] values = new float[PERIOD];
    for (int i = 0; i < PERIOD; i++) {
      values[i] = deviation * (float) random.nextGaussian();
    }
    return values;
  }

  /** {@return the weight of an index that counts through all tensors of a model} */
  static float weight(long index) {
    return WEIGHTS[(int) (index % PERIOD)];
  }

  /** {@return the gradient of such an index} */
  static float gradient(long index) {
    return GRADIENTS[(int) (index % PERIOD)];
  }

  /** Writes the weights of a tensor whose first element has an index. */
  static void weights(MemorySegment out, long index) {
    fill(WEIGHTS, out, index);
  }

  /** Writes the gradients of a tensor whose first element has an index. */
  static void gradients(MemorySegment out, long index) {
    fill(GRADIENTS, out, index);
  }

  private static void fill(float[] pattern, MemorySegment out, long index) {
    long size = out.byteSize() / Float.BYTES;
    for (long done = 0; done < size; ) {
      int from = (int) ((index + done) % PERIOD);
      int length = (int) Math.min(PERIOD - from, size - done);
      MemorySegment.copy(pattern, from, out, ValueLayout.JAVA_FLOAT, Float.BYTES * done, length);
      done += length;
    }
  }
}

package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** Sums have one order, in the interpreter and in compiled code. */
class VectorKernelsTest {
  private static final int LANES = FloatVector.SPECIES_PREFERRED.length();

  @Test
  void dotHasOneOrder() {
    MatrixKernels kernels = new VectorKernels();
    int length = 4 * LANES;
    Random random = new Random(1);
    float[] a = new float[length];
    float[] b = new float[length];
    for (int time = 0; time < 30_000; time++) {
      if (time % 100 == 0) {
        for (int i = 0; i < length; i++) {
          a[i] = (float) random.nextGaussian();
          b[i] = (float) random.nextGaussian();
        }
      }
      assertEquals(byHalves(a, b), kernels.dot(a, 0, b, 0, length), "time " + time);
    }
  }

  private static float byHalves(float[] a, float[] b) {
    float[] sums = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      int j = i + LANES;
      float even = Math.fma(a[j + LANES], b[j + LANES], a[i] * b[i]);
      int last = j + 2 * LANES;
      sums[i] = even + Math.fma(a[last], b[last], a[j] * b[j]);
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        sums[i] += sums[i + half];
      }
    }
    return sums[0];
  }
}

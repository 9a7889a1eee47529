package io.parq.runtime;

import static io.parq.runtime.KeyValueCache.BLOCK;
import static io.parq.runtime.MatrixKernels.QUERIES;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The loops of attention, against double precision. */
class AttentionKernelsTest {
  private static final List<MatrixKernels> KERNELS =
      List.of(new ScalarKernels(), Chosen.of(1 << 10, 1 << 10));

  @Test
  void scores() {
    for (int dim : new int[] {1, 8, 80, 128}) {
      SplittableRandom random = new SplittableRandom(dim);
      float[] queries = normal(random, QUERIES * dim);
      float[] keys = normal(random, 3 + dim * BLOCK);
      for (MatrixKernels kernels : KERNELS) {
        int stride = BLOCK + 5;
        float[] out = new float[QUERIES * stride];
        kernels.scores(queries, dim, keys, 3, out, 2, stride);
        for (int i = 0; i < out.length; i++) {
          int query = (i - 2) / stride;
          int key = (i - 2) - query * stride;
          double sum = 0;
          for (int d = 0; i >= 2 && key < BLOCK && d < dim; d++) {
            sum += (double) queries[query * dim + d] * keys[3 + d * BLOCK + key];
          }
          assertEquals(sum, out[i], 1e-5 * dim, "dim " + dim + ", " + i);
        }
      }
    }
  }

  /** Exponentials over the whole range, what is not seen, and what is too small. */
  @Test
  void softmax() {
    for (MatrixKernels kernels : KERNELS) {
      for (int count : new int[] {BLOCK, 3 * BLOCK, 100 * BLOCK}) {
        SplittableRandom random = new SplittableRandom(count);
        float[] x = new float[count + 9];
        Arrays.fill(x, 77);
        for (int i = 4; i < 4 + count; i++) {
          x[i] = (float) (random.nextDouble() * 120 - 60);
        }
        x[9] = Float.NEGATIVE_INFINITY;
        x[11] = -1e30f;
        float most = Float.NEGATIVE_INFINITY;
        for (int i = 4; i < 4 + count; i++) {
          most = Math.max(most, x[i]);
        }
        float[] y = x.clone();
        float sum = kernels.softmax(y, 4, count);
        double expected = 0;
        for (int i = 0; i < y.length; i++) {
          if (i < 4 || i >= 4 + count) {
            assertEquals(77, y[i], "nothing else is touched");
          } else {
            double power = Math.exp((double) x[i] - most);
            assertEquals(power, y[i], 2e-7 * power * (1 + most - Math.max(x[i], -100)) + 2e-38);
            expected += power;
          }
        }
        assertEquals(0, y[9]);
        assertEquals(0, y[11]);
        assertEquals(expected, sum, 1e-5 * expected);
      }
    }
  }

  /** In the interpreter and in compiled code. */
  @Test
  void softmaxHasOneOrder() {
    for (MatrixKernels kernels : KERNELS) {
      float[] x = normal(new SplittableRandom(1), 2 * BLOCK);
      float[] first = x.clone();
      float sum = kernels.softmax(first, 0, x.length);
      for (int time = 0; time < 20_000; time++) {
        float[] again = x.clone();
        assertEquals(sum, kernels.softmax(again, 0, x.length), "time " + time);
        assertArrayEquals(first, again);
      }
    }
  }

  @Test
  void exponentials() {
    for (MatrixKernels kernels : KERNELS) {
      for (int count : new int[] {BLOCK, 41 * BLOCK}) {
        float[] x = new float[count + 2];
        for (int i = 0; i < x.length; i++) {
          x[i] = -i * 0.1f;
        }
        x[7] = Float.NEGATIVE_INFINITY;
        float[] y = x.clone();
        kernels.exponentials(y, 1, count);
        for (int i = 1; i <= count; i++) {
          double power = Math.exp(x[i]);
          assertEquals(power, y[i], 2e-7 * power * (1 - Math.max(x[i], -100)) + 2e-38);
        }
        assertEquals(x[0], y[0], "nothing else is touched");
        assertEquals(x[count + 1], y[count + 1], "nothing else is touched");
      }
    }
  }

  @Test
  void mix() {
    for (int dim : new int[] {1, 8, 80, 128}) {
      for (int count : new int[] {1, 31, BLOCK}) {
        SplittableRandom random = new SplittableRandom(dim);
        int stride = count + 3;
        float[] weights = normal(random, QUERIES * stride + 1);
        float[] values = normal(random, 2 + count * dim);
        float[] before = normal(random, QUERIES * dim);
        for (MatrixKernels kernels : KERNELS) {
          float[] out = before.clone();
          kernels.mix(weights, 1, stride, count, values, 2, dim, out);
          for (int i = 0; i < out.length; i++) {
            double sum = before[i];
            for (int key = 0; key < count; key++) {
              sum += (double) weights[1 + i / dim * stride + key] * values[2 + key * dim + i % dim];
            }
            assertEquals(sum, out[i], 1e-5 * count + 1e-6, "dim " + dim + ", " + i);
          }
        }
      }
    }
  }

  private static float[] normal(SplittableRandom random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

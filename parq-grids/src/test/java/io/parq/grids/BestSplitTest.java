package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against all splits of the sorted magnitudes. */
class BestSplitTest {
  private static final long SEED = 3;

  enum Shape {
    GAUSSIAN,
    UNIFORM,
    TWO_CLUSTERS,
    THREE_CLUSTERS,
    OUTLIER,
    FAR_OUTLIER,
    FEW_VALUES,
    EQUAL,
    MOSTLY_ZERO,
    ZERO,
    TINY;

    float next(Random random, int i) {
      double gauss = Math.abs(random.nextGaussian());
      return (float)
          switch (this) {
            case GAUSSIAN -> gauss;
            case UNIFORM -> random.nextDouble();
            case TWO_CLUSTERS -> (random.nextBoolean() ? 1 : 1.02) + gauss * 1e-3;
            case THREE_CLUSTERS -> 1 + random.nextInt(3) + gauss * 0.1;
            case OUTLIER -> i == 7 ? 1e3 : gauss;
            case FAR_OUTLIER -> i == 7 ? 1e9 : gauss;
            case FEW_VALUES -> random.nextInt(5) * 0.25;
            case EQUAL -> 0.7;
            case MOSTLY_ZERO -> random.nextInt(50) == 0 ? gauss : 0;
            case ZERO -> 0;
            case TINY -> gauss * 1e-42;
          };
    }
  }

  @ParameterizedTest
  @EnumSource
  void findsTheBest(Shape shape) {
    Random random = new Random(SEED);
    BestSplit split = new BestSplit();
    for (int n : new int[] {1, 2, 3, 5, 64, 127, 128, 129, 200, 1000, 4096, 5000}) {
      for (boolean zeroBelow : new boolean[] {true, false}) {
        float[] r = new float[n];
        for (int i = 0; i < n; i++) {
          r[i] = shape.next(random, i);
        }
        float[] sorted = r.clone();
        Arrays.sort(sorted);
        double total = Lattice.KERNELS.sumAbs(r, 0, n, 0f);
        double best = 0;
        double above = 0;
        for (int i = n - 1; i >= 0; i--) {
          above += sorted[i];
          best = Math.max(best, gain(above, n - i, total, n, zeroBelow));
        }
        split.find(r, n, total, sorted[n - 1], zeroBelow);
        String at = "%s of %d, zero below %s, seed %d".formatted(shape, n, zeroBelow, SEED);
        double found = gain(split.above, split.count, total, n, zeroBelow);
        assertEquals(best, found, 1e-12 * best, at);
        double sum = 0;
        for (int i = n - split.count; i < n; i++) {
          sum += sorted[i];
        }
        assertTrue(split.count >= 1 && split.count <= n, at);
        assertEquals(sum, split.above, 1e-12 * sum, at);
      }
    }
  }

  private static double gain(double above, int count, double total, int n, boolean zeroBelow) {
    double upper = above * above / count;
    double rest = total - above;
    return zeroBelow || count == n ? upper : upper + rest * rest / (n - count);
  }
}

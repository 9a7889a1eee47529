package io.parq.grids;

import java.util.Arrays;

/**
 * Splits magnitudes into those above a threshold and the others, with the least squared error of
 * putting each at the mean of its part (or those below at zero). The error falls by {@code gain =
 * above^2 / count} and the same for those below.
 *
 * <p>Instead of sorting all, magnitudes are counted and summed in 256 buckets, which float bits
 * order. The gain is convex in sum and count; within a bucket both lie in a triangle between the
 * bucket's ends and the corner where all of its larger elements were at its upper end and the
 * others at its lower. So only buckets whose corner gains more than the best bucket boundary can
 * hold the optimum, and only their elements are sorted: O(n) but for unusual blocks.
 */
final class BestSplit {
  private static final int BUCKETS = 256;

  /** Drops all but 5 bits of the fraction: 32 buckets between powers of two. */
  private static final int SHIFT = 18;

  private static final int FEW = 128;
  private static final int[] GAPS = {301, 132, 57, 23, 10, 4, 1};

  private final int[] counts = new int[BUCKETS];
  private final double[] sums = new double[BUCKETS];
  private final boolean[] candidates = new boolean[BUCKETS];
  private boolean zeroBelow;
  private int n;
  private double total;
  private double bestGain;

  /** The sum of those above. */
  double above;

  /** How many they are, at least one. */
  int count;

  /**
   * Finds the best split.
   *
   * @param r magnitudes, finite; overwritten
   * @param length how many, at least 1
   * @param sum of them
   * @param zero whether those below are put at zero, not at their mean
   */
  void find(float[] r, int length, double sum, boolean zero) {
    n = length;
    total = sum;
    zeroBelow = zero;
    above = sum;
    count = length;
    bestGain = gain(sum, length);
    if (length <= FEW) {
      sort(r, length);
      walk(r, 0, length, 0, 0);
    } else {
      int top = Float.floatToRawIntBits(Lattice.KERNELS.absMax(r, 0, length, 0f)) >>> SHIFT;
      fill(r, top);
      if (mark(top)) {
        search(r, top);
      }
    }
  }

  private static int bucket(float magnitude, int top) {
    return Math.min(top - (Float.floatToRawIntBits(magnitude) >>> SHIFT), BUCKETS - 1);
  }

  /** The upper end of a bucket. */
  private static double end(int bucket, int top) {
    return bucket >= BUCKETS ? 0 : Float.intBitsToFloat(Math.max(0, top - bucket + 1) << SHIFT);
  }

  private void fill(float[] r, int top) {
    Arrays.fill(counts, 0);
    Arrays.fill(sums, 0);
    for (int i = 0; i < n; i++) {
      int bucket = bucket(r[i], top);
      counts[bucket]++;
      sums[bucket] += r[i];
    }
  }

  /** Tries the bounds of buckets, and marks those within which there may be better. */
  private boolean mark(int top) {
    double sum = 0;
    int seen = 0;
    for (int b = 0; b < BUCKETS; b++) {
      sum += sums[b];
      seen += counts[b];
      propose(sum, seen);
    }
    boolean any = false;
    sum = 0;
    seen = 0;
    for (int b = 0; b < BUCKETS; b++) {
      candidates[b] = counts[b] > 1 && corner(b, top, sum, seen) >= bestGain;
      any |= candidates[b];
      sum += sums[b];
      seen += counts[b];
    }
    return any;
  }

  private double corner(int b, int top, double sum, int seen) {
    double high = end(b, top);
    double low = end(b + 1, top);
    double larger = (sums[b] - low * counts[b]) / (high - low);
    double most = Math.clamp(larger, 0, counts[b]);
    return gain(sum + high * most, seen + most) * (1 + 0x1p-40); // sums are rounded
  }

  /** Sorts the marked buckets' elements and tries all splits within. */
  private void search(float[] r, int top) {
    int found = 0;
    for (int i = 0; i < n; i++) {
      if (candidates[bucket(r[i], top)]) {
        r[found++] = r[i];
      }
    }
    sort(r, found);
    double sum = 0;
    int seen = 0;
    int end = found;
    for (int b = 0; b < BUCKETS; b++) {
      if (candidates[b]) {
        walk(r, end - counts[b], end, sum, seen);
        end -= counts[b];
      }
      sum += sums[b];
      seen += counts[b];
    }
  }

  /** Tries splits among sorted elements, from the largest. */
  private void walk(float[] sorted, int from, int to, double sum, int seen) {
    double upper = sum;
    for (int i = to - 1; i >= from; i--) {
      upper += sorted[i];
      propose(upper, seen + to - i);
    }
  }

  private void propose(double sum, int elements) {
    if (elements > 0 && gain(sum, elements) > bestGain) {
      bestGain = gain(sum, elements);
      above = sum;
      count = elements;
    }
  }

  private double gain(double sum, double elements) {
    double upper = elements > 0 ? sum * sum / elements : 0;
    double rest = total - sum;
    return zeroBelow || elements >= n ? upper : upper + rest * rest / (n - elements);
  }

  /** Shell's, since the JDK's leaves garbage. */
  private static void sort(float[] x, int length) {
    if (length > 8 * GAPS[0]) {
      Arrays.sort(x, 0, length);
      return;
    }
    for (int gap : GAPS) {
      for (int i = gap; i < length; i++) {
        float v = x[i];
        int j = i;
        for (; j >= gap && x[j - gap] > v; j -= gap) {
          x[j] = x[j - gap];
        }
        x[j] = v;
      }
    }
  }
}

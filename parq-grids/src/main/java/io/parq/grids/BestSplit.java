package io.parq.grids;

import java.util.Arrays;

/**
 * Splits magnitudes into those above a threshold and the others, with the least squared error of
 * putting each at the mean of its part (or those below at zero). The error falls by {@code gain =
 * above^2 / count} and the same for those below.
 *
 * <p>At the optimum each magnitude is nearer to its own part's mean, and that of the upper part is
 * at least the mean of all, so no threshold below half of that needs to be tried. From there to the
 * largest magnitude, the range is cut into a few intervals of which only counts and sums are taken.
 * The gain is convex in both; within an interval they lie in a triangle between its ends and the
 * corner where all of its larger elements were at its upper end and the others at its lower. So
 * only intervals whose corner gains more than the best cut can hold the optimum. Their elements,
 * and those between, are taken out and the same is done with them, until they are few enough to be
 * sorted: O(n) but for unusual blocks. Sums for that are single precision, with a margin; the
 * result is summed anew, and does not depend on them.
 */
final class BestSplit {
  /** How many cuts are made at a time. */
  static final int CUTS = 2 * BlockKernels.BOUNDS;

  /** Elements that are summed in single precision. */
  private static final int SLICE = 1024;

  private static final int FEW = 16;

  /** Several times the relative error of a slice's sum. */
  private static final double MARGIN = 0x1p-16;

  /** Multiples of the mean. */
  private static final float[] USUAL = {2.2f, 1.75f, 1.45f, 1.3f, 1.15f, 0.95f, 0.7f};

  private static final int[] GAPS = {8858, 3937, 1750, 701, 301, 132, 57, 23, 10, 4, 1};

  private final float[] cuts = new float[CUTS];

  /** Of the elements from each cut on: in the slice at hand, and in all. */
  private final float[] sliceSums = new float[CUTS];

  private final int[] counts = new int[CUTS];
  private final double[] sums = new double[CUTS];
  private final double[] gains = new double[CUTS];

  private float[] picked = {};
  private boolean zeroBelow;
  private int n;
  private double total;
  private double bestGain;

  /** Larger magnitudes than those that are left, which are above the best threshold. */
  private double sumBeyond;

  private int countBeyond;

  /** The first and the last interval in which there may be the optimum; none if it is below. */
  private int first;

  private int last;

  /** The least of those above. */
  private float threshold;

  /** The sum of those above. */
  double above;

  /** How many they are, at least one. */
  int count;

  /**
   * Finds the best split.
   *
   * @param r magnitudes, finite; not modified
   * @param length how many, at least 1
   * @param sum of them
   * @param largest of them
   * @param zero whether those below are put at zero, not at their mean
   */
  void find(float[] r, int length, double sum, float largest, boolean zero) {
    n = length;
    total = sum;
    zeroBelow = zero;
    above = sum;
    count = length;
    threshold = 0f;
    bestGain = gain(sum, length);
    sumBeyond = 0;
    countBeyond = 0;
    if (picked.length < length) {
      picked = new float[length];
    }
    int left = narrow(r, length, largest);
    sort(picked, left);
    walk(left);
    above = threshold == 0f ? total : Lattice.KERNELS.sumFrom(r, n, threshold);
  }

  /** Picks the elements among which the threshold is, and returns their number. */
  private int narrow(float[] r, int length, float largest) {
    float high = largest;
    float low = (float) (total / length / 2 * (1 - MARGIN));
    float beyond = Float.POSITIVE_INFINITY;
    float[] set = r;
    int left = length;
    while (left > FEW && high > low) {
      cut(low, high, set == r);
      sum(set, left);
      mark(high);
      if (first > last) {
        left = 0;
        break;
      }
      float upper = first == 0 ? Float.POSITIVE_INFINITY : cuts[first - 1];
      if (first > 0) {
        beyond = upper;
        sumBeyond += Lattice.KERNELS.sumFrom(set, left, upper);
        countBeyond += counts[first - 1];
      }
      int found = Lattice.KERNELS.select(set, left, cuts[last], upper, picked);
      set = picked;
      high = Math.min(high, upper);
      low = cuts[last];
      if (found == left) { // maybe far from the ends
        float most = Lattice.KERNELS.max(set, 0, found);
        float least = Lattice.KERNELS.min(set, 0, found);
        if (most == high && least == low) {
          break;
        }
        high = most;
        low = least;
      }
      left = found;
    }
    if (set == r) {
      System.arraycopy(r, 0, picked, 0, left);
    }
    if (countBeyond > 0) {
      propose(sumBeyond, countBeyond, beyond);
    }
    return left;
  }

  /** Evenly, but for the first time: there, where the threshold of most blocks is. */
  private void cut(float low, float high, boolean isFirst) {
    float mean = (float) (total / n);
    boolean usual = isFirst && high > mean * USUAL[0];
    for (int i = 0; i < CUTS - 1; i++) {
      cuts[i] = usual ? mean * USUAL[i] : high - (high - low) / CUTS * (i + 1);
    }
    cuts[CUTS - 1] = low;
  }

  private void sum(float[] set, int left) {
    Arrays.fill(counts, 0);
    Arrays.fill(sums, 0);
    for (int from = 0; from < left; from += SLICE) {
      int length = Math.min(SLICE, left - from);
      for (int cut = 0; cut < CUTS; cut += BlockKernels.BOUNDS) {
        Lattice.KERNELS.tally(set, from, length, cuts, cut, sliceSums, counts);
      }
      for (int i = 0; i < CUTS; i++) {
        sums[i] += sliceSums[i];
      }
    }
  }

  /** Finds the intervals in which, or at whose ends, there may be the best. */
  private void mark(double high) {
    double margin = 1 + MARGIN * sums[CUTS - 1] / (sumBeyond + sums[CUTS - 1]);
    double best = bestGain;
    for (int i = 0; i < CUTS; i++) {
      gains[i] = gain(sumBeyond + sums[i], countBeyond + counts[i]);
      best = Math.max(best, gains[i] / margin);
    }
    first = CUTS;
    last = -1;
    for (int i = 0; i < CUTS; i++) {
      double sum = i == 0 ? 0 : sums[i - 1];
      int seen = i == 0 ? 0 : counts[i - 1];
      int elements = counts[i] - seen;
      double upper = i == 0 ? high : cuts[i - 1];
      double larger = (sums[i] - sum - cuts[i] * (double) elements) / (upper - cuts[i]);
      double most = upper > cuts[i] ? Math.clamp(larger, 0, elements) : elements;
      double corner = gain(sumBeyond + sum + upper * most, countBeyond + seen + most);
      if (elements > 0 && Math.max(corner, gains[i]) * margin >= best) {
        first = Math.min(first, i);
        last = i;
      }
    }
  }

  /** Tries the splits among sorted elements, from the largest; equal ones stay together. */
  private void walk(int length) {
    double sum = sumBeyond;
    for (int i = length - 1; i >= 0; i--) {
      sum += picked[i];
      if (i == 0 || picked[i - 1] < picked[i]) {
        propose(sum, countBeyond + length - i, picked[i]);
      }
    }
  }

  private void propose(double sum, int elements, float least) {
    double gain = gain(sum, elements);
    if (gain > bestGain) {
      bestGain = gain;
      count = elements;
      threshold = least;
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

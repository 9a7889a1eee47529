package io.parq.grids;

import java.util.Arrays;

/**
 * Splits magnitudes into those above a threshold and the others, with the least squared error of
 * putting each at the mean of its part (or those below at zero). The error falls by {@code gain =
 * above^2 / count} and the same for those below.
 *
 * <p>At the optimum each magnitude is nearer to its own part's mean, and that of the upper part is
 * at least the mean of all, so no split below half of that needs to be tried. Instead of sorting
 * all, magnitudes from there to the largest are counted and summed in buckets. The gain is convex
 * in sum and count; within a bucket both lie in a triangle between the bucket's ends and the corner
 * where all of its larger elements were at its upper end and the others at its lower. So only
 * buckets whose corner gains more than the best bucket boundary can hold the optimum. Their
 * elements, and those between, are put into narrower buckets, or sorted when they are few: O(n) but
 * for unusual blocks.
 */
final class BestSplit {
  private static final int BUCKETS = 128;
  private static final int FEW = 64;
  private static final int SLICE = 1024;

  /** Relative width by which rounding may move an element to the next bucket. */
  private static final double SLACK = 0x1p-20;

  private static final int[] GAPS = {301, 132, 57, 23, 10, 4, 1};

  /** Down to the least magnitude, which may be as far below the first buckets as they are wide. */
  private final int[] counts = new int[2 * BUCKETS + 2];

  private final double[] sums = new double[2 * BUCKETS + 2];

  /** Of a slice of elements. */
  private final int[] buckets = new int[SLICE];

  private boolean zeroBelow;
  private int n;
  private double total;
  private double bestGain;

  /** The ends of the buckets, and what is above them. */
  private float high;

  private float low;
  private double sumBeyond;
  private int countBeyond;

  /** The first and the last bucket within which there may be the optimum; none if it is below. */
  private int first;

  private int last;

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
    sumBeyond = 0;
    countBeyond = 0;
    high = Lattice.KERNELS.absMax(r, 0, length, 0f);
    low = (float) (sum / length / 2 * (1 - SLACK));
    int left = length;
    float perWidth = BUCKETS / (high - low);
    while (left > FEW && high - low >= high * SLACK && perWidth < Float.POSITIVE_INFINITY) {
      fill(r, left, perWidth);
      mark();
      int found = select(r, left, perWidth);
      if (found == 0) {
        return;
      }
      if (found == left) {
        break;
      }
      left = found;
      high = Lattice.KERNELS.max(r, 0, left);
      low = Lattice.KERNELS.min(r, 0, left);
      perWidth = BUCKETS / (high - low);
    }
    sort(r, left);
    walk(r, left);
  }

  private void fill(float[] r, int left, float perWidth) {
    Arrays.fill(counts, 0);
    Arrays.fill(sums, 0);
    for (int from = 0; from < left; from += SLICE) {
      int length = Math.min(SLICE, left - from);
      locate(r, from, length, perWidth);
      for (int i = 0; i < length; i++) {
        counts[buckets[i]]++;
        sums[buckets[i]] += r[from + i];
      }
    }
  }

  /** Finds the buckets of a slice of elements; a loop of its own is made of vectors. */
  private void locate(float[] r, int from, int length, float perWidth) {
    float end = high;
    for (int i = 0; i < length; i++) {
      buckets[i] = (int) ((end - r[from + i]) * perWidth);
    }
  }

  /** Tries the bounds of buckets, and finds those within which there may be better. */
  private void mark() {
    double sum = sumBeyond;
    int seen = countBeyond;
    for (int b = 0; b <= BUCKETS; b++) {
      sum += sums[b];
      seen += counts[b];
      propose(sum, seen);
    }
    first = BUCKETS + 1;
    last = -1;
    sum = sumBeyond;
    seen = countBeyond;
    double width = ((double) high - low) / BUCKETS;
    double slack = high * SLACK;
    double perWidth = 1 / (width + 2 * slack);
    for (int b = 0; b <= BUCKETS; b++) {
      double upper = high - width * b + slack;
      double lower = high - width * (b + 1) - slack;
      double larger = Math.max(0, (sums[b] - lower * counts[b]) * perWidth);
      double most = Math.min(larger, counts[b]);
      if (counts[b] > 1 && gainsMore(sum + upper * most, seen + most, 1 + 0x1p-40)) {
        first = Math.min(first, b);
        last = b;
      }
      sum += sums[b];
      seen += counts[b];
    }
  }

  /** Moves the elements of the buckets that were found to the front, and returns their number. */
  private int select(float[] r, int left, float perWidth) {
    if (first > last) {
      return 0;
    }
    for (int b = 0; b < first; b++) {
      sumBeyond += sums[b];
      countBeyond += counts[b];
    }
    int range = last - first + 1;
    int found = 0;
    for (int from = 0; from < left; from += SLICE) {
      int length = Math.min(SLICE, left - from);
      locate(r, from, length, perWidth);
      for (int i = 0; i < length; i++) {
        // One comparison: each of two would be true too often to be foreseen.
        if (Integer.compareUnsigned(buckets[i] - first, range) < 0) {
          r[found++] = r[from + i];
        }
      }
    }
    return found;
  }

  /** Tries splits among sorted elements, from the largest. */
  private void walk(float[] sorted, int length) {
    double sum = sumBeyond;
    for (int i = length - 1; i >= 0; i--) {
      sum += sorted[i];
      propose(sum, countBeyond + length - i);
    }
  }

  private void propose(double sum, int elements) {
    if (elements > 0 && gainsMore(sum, elements, 1)) {
      bestGain = gain(sum, elements);
      above = sum;
      count = elements;
    }
  }

  /**
   * Whether {@code gain(sum, elements) > bestGain}, without divisions.
   *
   * @param margin what the gain is multiplied by, since sums are rounded
   */
  private boolean gainsMore(double sum, double elements, double margin) {
    double below = n - elements;
    if (zeroBelow || below <= 0) {
      return sum * sum * margin > bestGain * elements;
    }
    double rest = total - sum;
    double gains = sum * sum * below + rest * rest * elements;
    return gains * margin > bestGain * elements * below;
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

package io.parq.grids;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Least-squares binary quantization: the levels of a block are all sums {@code ±v1 ±v2 .. ±vb} of a
 * fitted basis, or {@code -v, 0, v} for the ternary variants. The scales of a block are its basis.
 *
 * <p>A weight goes to its nearest level. The reference follows the signs of the greedy residuals,
 * which for three and more bits can miss the nearest level.
 *
 * <p>Source: Pouransari et al., Least squares binary quantization of neural networks (arXiv
 * 2001.02786); PARQ {@code LSBQuantizer}.
 */
public final class LsbqGrid extends CodebookGrid {
  private enum Rule {
    GREEDY,
    OPTIMAL,
    OPTIMAL_TERNARY,
    SIMPLE_TERNARY
  }

  private final String plainSpec;
  private final Rule rule;
  private final float multiplier;

  private LsbqGrid(
      String spec, Rule rule, int bits, int levels, float multiplier, boolean centred) {
    super(spec, bits, levels, centred);
    this.plainSpec = spec;
    this.rule = rule;
    this.multiplier = multiplier;
  }

  /**
   * Each basis vector is the mean magnitude of what the former ones left.
   *
   * @param bits 1 to 4
   * @return the grid
   */
  public static LsbqGrid greedy(int bits) {
    checkBits("lsbq-greedy", bits, 1, 4);
    return new LsbqGrid("lsbq-greedy:" + bits, Rule.GREEDY, bits, 1 << bits, 0f, false);
  }

  /**
   * The basis with the least squared error. For one bit it is the greedy one; for two bits the
   * magnitudes are split into two clusters, in O(n) as a rule and O(n log n) at worst. The
   * reference's own 2-bit fit per row is approximate; this one is exact for every granularity.
   *
   * @param bits 1 or 2
   * @return the grid
   */
  public static LsbqGrid optimal(int bits) {
    checkBits("lsbq-optimal", bits, 1, 2);
    return new LsbqGrid("lsbq-optimal:" + bits, Rule.OPTIMAL, bits, 1 << bits, 0f, false);
  }

  /**
   * Levels -v, 0, v with the least squared error. The reference's per-tensor variant returns half
   * the best v.
   *
   * @return the grid
   */
  public static LsbqGrid optimalTernary() {
    return new LsbqGrid("lsbq-optimal-ternary", Rule.OPTIMAL_TERNARY, 2, 3, 0f, false);
  }

  /**
   * Levels -v, 0, v with {@code v = multiplier * mean|w|}.
   *
   * @param multiplier a positive number; the reference's default is 1.1
   * @return the grid
   */
  public static LsbqGrid simpleTernary(float multiplier) {
    if (!(multiplier > 0 && multiplier < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "lsbq-simple-ternary multiplier " + multiplier + ", expected a positive number");
    }
    String spec = "lsbq-simple-ternary:" + multiplier;
    return new LsbqGrid(spec, Rule.SIMPLE_TERNARY, 2, 3, multiplier, false);
  }

  @Override
  public LsbqGrid centred() {
    return new LsbqGrid(plainSpec, rule, bits(), levelCount(), multiplier, true);
  }

  private boolean isTernary() {
    return rule == Rule.OPTIMAL_TERNARY || rule == Rule.SIMPLE_TERNARY;
  }

  @Override
  public int scalesPerBlock() {
    return isTernary() ? 1 : bits();
  }

  @Override
  void fit(
      float[] x,
      int from,
      int length,
      float largest,
      float @Nullable [] importance,
      Lattice out,
      int block) {
    float[] r = Scratch.own().values(length);
    System.arraycopy(x, from, r, 0, length);
    if (isCentred()) {
      float mean = (float) Lattice.KERNELS.mean(x, from, length);
      out.offset(block, mean);
      for (int i = 0; i < length; i++) {
        r[i] -= mean;
      }
    }
    int first = block * scalesPerBlock();
    if (rule == Rule.OPTIMAL_TERNARY || (rule == Rule.OPTIMAL && bits() > 1)) {
      float most = isCentred() ? Lattice.KERNELS.absMax(r, 0, length, 0f) : largest;
      fitSplit(r, length, most, out, first);
    } else if (rule == Rule.SIMPLE_TERNARY) {
      setBasis(out, first, (float) (multiplier * meanAbs(r, length)));
    } else {
      fitGreedy(r, length, out, first);
    }
  }

  private static double meanAbs(float[] r, int length) {
    return Lattice.KERNELS.meanAbs(r, 0, length, 0f);
  }

  /** Below a normal float, midpoints between levels would underflow. */
  private static float setBasis(Lattice out, int index, float v) {
    return out.setScale(index, Math.max(v, Float.MIN_NORMAL));
  }

  /** Overwrites r with the residual. */
  private void fitGreedy(float[] r, int length, Lattice out, int first) {
    for (int j = 0; j < bits(); j++) {
      float v = setBasis(out, first + j, (float) meanAbs(r, length));
      if (j < bits() - 1) {
        Lattice.KERNELS.subtractSigned(r, length, v);
      }
    }
  }

  /**
   * Ternary weights above a threshold get their mean, the others zero. Two bits put magnitudes at
   * v1 - v2 or v1 + v2: the best split of them into two clusters.
   */
  private void fitSplit(float[] r, int n, float largest, Lattice out, int first) {
    double total = Lattice.KERNELS.sumAbs(r, 0, n, 0f);
    for (int i = 0; i < n; i++) {
      r[i] = Math.abs(r[i]);
    }
    BestSplit split = Scratch.own().split;
    split.find(r, n, total, largest, isTernary());
    double high = split.above / split.count;
    if (isTernary()) {
      setBasis(out, first, (float) high);
      return;
    }
    double low = split.count == n ? high : (total - split.above) / (n - split.count);
    setBasis(out, first, (float) ((high + low) / 2));
    setBasis(out, first + 1, (float) ((high - low) / 2));
  }

  @Override
  void rawLevels(Lattice l, int block, float[] out) {
    int first = block * scalesPerBlock();
    if (isTernary()) {
      out[0] = -l.scales[first];
      out[1] = 0f;
      out[2] = l.scales[first];
      return;
    }
    for (int pattern = 0; pattern < levelCount(); pattern++) {
      float sum = 0;
      for (int j = 0; j < bits(); j++) {
        float v = l.scales[first + j];
        sum += (pattern >> j & 1) == 1 ? v : -v;
      }
      out[pattern] = sum;
    }
    Arrays.sort(out, 0, levelCount());
  }
}

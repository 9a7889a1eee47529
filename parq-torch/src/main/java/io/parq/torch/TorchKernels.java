package io.parq.torch;

import io.parq.grids.Grid;
import io.parq.grids.Lattice;
import io.parq.grids.ScaleType;
import io.parq.grids.UniformGrid;
import io.parq.optim.BinaryRelax;
import io.parq.optim.HardQuant;
import io.parq.optim.Parq;
import io.parq.optim.ProxMap;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Uniform grids and proximal maps as LibTorch tensor operations, for weights that the host's
 * kernels cannot reach. Reductions and maps run on the tensor's device, in single precision and in
 * the host's order of operations, so that results are the same bits; the formula from a block's
 * extremes or mean to its scale is the host's arithmetic on one number a block, which the lattice
 * keeps.
 *
 * <p>Grids: symmetric, asymmetric, stretched, clipped and ternary, neither centred nor
 * error-optimal; any granularity; fp32, bf16, fp16 and e8m0 scales. Maps: hard, PARQ, BinaryRelax.
 */
final class TorchKernels {
  private static final float TINY = Float.MIN_NORMAL;

  private final Lattice lattice;
  private final UniformGrid grid;
  private final Rule rule;

  /** Added to a code before it is multiplied by the scale. */
  private final float shift;

  private enum Rule {
    SYMMETRIC,
    ASYMMETRIC,
    CLIPPED_TO_MEAN,
    CLIPPED_TO_MAX,
    TERNARY
  }

  /**
   * What elements of a block share, one a block, on the tensor's device.
   *
   * @param factor the scale's reciprocal, or 1
   * @param divisor the scale where it has no normal reciprocal, else 1; null if that is everywhere
   */
  private record Blocks(
      Tensor scale, Tensor factor, @Nullable Tensor divisor, Tensor least, Tensor most) {}

  /** The levels around values. */
  record Interval(Tensor lower, Tensor upper) {}

  private TorchKernels(Lattice lattice, UniformGrid grid, Rule rule) {
    this.lattice = lattice;
    this.grid = grid;
    this.rule = rule;
    this.shift = 0f - grid.zeroPoint();
  }

  /**
   * Chooses the operations for a parameter.
   *
   * @param name the parameter's, for errors
   * @param lattice holds the fitted scales
   * @param map a map that they will be used with
   * @throws IllegalArgumentException if the grid, scale type or map is not written for tensors
   */
  static TorchKernels of(String name, Lattice lattice, ProxMap map) {
    Rule rule = rule(lattice.grid());
    if (rule == null || !(lattice.grid() instanceof UniformGrid grid)) {
      throw unsupported(
          name,
          "grid " + lattice.grid(),
          "symmetric, asymmetric, stretched, clipped or ternary, neither centred nor"
              + " error-optimal");
    }
    if (lattice.scaleType() == ScaleType.E4M3) {
      throw unsupported(name, "e4m3 scales", "fp32, bf16, fp16 or e8m0");
    }
    if (!(map instanceof HardQuant || map instanceof Parq || map instanceof BinaryRelax)) {
      throw unsupported(name, "proximal map " + map, "hard, parq or binary-relax");
    }
    return new TorchKernels(lattice, grid, rule);
  }

  private static IllegalArgumentException unsupported(String name, String found, String expected) {
    return new IllegalArgumentException(
        "%s: %s for a tensor that is not float on cpu, expected %s"
            .formatted(name, found, expected));
  }

  private static @Nullable Rule rule(Grid grid) {
    String[] words = grid.spec().split(":", -1);
    boolean plain = !grid.spec().contains("+");
    return switch (plain ? words[0] : "") {
      case "symmetric" -> Rule.SYMMETRIC;
      case "asymmetric" -> Rule.ASYMMETRIC;
      case "stretched" -> Rule.CLIPPED_TO_MEAN;
      case "clipped" -> words[2].equals("mean") ? Rule.CLIPPED_TO_MEAN : Rule.CLIPPED_TO_MAX;
      case "ternary" -> Rule.TERNARY;
      default -> null;
    };
  }

  /** The tensor with one row for each block. */
  private Tensor blocks(Tensor x) {
    return x.view(lattice.layout().blocks(), lattice.layout().blockLength());
  }

  /**
   * Fits the lattice to a tensor.
   *
   * @param x finite floats, contiguous; not modified
   */
  void fit(Tensor x) {
    Tensor rows = blocks(x);
    if (rule == Rule.ASYMMETRIC) {
      float[] least = floats(rows.amin(new long[] {1}, false));
      float[] most = floats(rows.amax(new long[] {1}, false));
      for (int block = 0; block < least.length; block++) {
        fitAsymmetric(block, Math.min(least[block], 0f), Math.max(most[block], 0f));
      }
      return;
    }
    Tensor magnitudes = rows.abs();
    float[] largest = floats(magnitudes.amax(new long[] {1}, false));
    double[] sums = rule == Rule.CLIPPED_TO_MEAN ? sums(magnitudes) : new double[0];
    for (int block = 0; block < largest.length; block++) {
      double sum = sums.length == 0 ? Double.POSITIVE_INFINITY : sums[block];
      lattice.scales()[block] = lattice.scaleType().round(scale(largest[block], sum));
    }
  }

  private void fitAsymmetric(int block, float min, float max) {
    float raw = Math.max((max - min) / (grid.maxCode() - grid.minCode()), TINY);
    float scale = lattice.scaleType().round(raw);
    float zeroPoint = grid.minCode() - (float) Math.rint(min / scale);
    lattice.scales()[block] = scale;
    float[] zeroPoints = lattice.zeroPoints();
    if (zeroPoints == null) {
      throw new AssertionError(lattice.config());
    }
    zeroPoints[block] = Math.clamp(zeroPoint, grid.minCode(), grid.maxCode());
  }

  /** The scale before rounding, from the largest magnitude and the sum of magnitudes. */
  private float scale(float largest, double sum) {
    if (rule == Rule.SYMMETRIC) {
      return Math.max(largest / ((grid.maxCode() - grid.minCode()) / 2f), TINY);
    }
    double mean = sum / lattice.layout().blockLength();
    double limit = Math.min(grid.bits() * mean, largest);
    float range = rule == Rule.TERNARY ? 1.5f : grid.maxCode() + shift;
    return (float) (Math.max(limit, TINY) / range);
  }

  private static float[] floats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.numel())];
    tensor.cpu().data_ptr_float().get(values);
    return values;
  }

  private static double[] sums(Tensor rows) {
    ScalarTypeOptional type = new ScalarTypeOptional(ScalarType.Double);
    Tensor sums = rows.sum(new long[] {1}, false, type).cpu();
    double[] values = new double[Math.toIntExact(sums.numel())];
    sums.data_ptr_double().get(values);
    return values;
  }

  private Blocks shared(Tensor x) {
    float[] zeroPoints = lattice.zeroPoints();
    float[] scales = lattice.scales();
    int blocks = lattice.layout().blocks();
    float[] least = new float[blocks];
    float[] most = new float[blocks];
    float[] factor = new float[blocks];
    float[] divisor = new float[blocks];
    boolean divides = false;
    for (int block = 0; block < blocks; block++) {
      float zeroPoint = zeroPoints == null ? 0f : zeroPoints[block];
      least[block] = grid.minCode() - zeroPoint;
      most[block] = grid.maxCode() - zeroPoint;
      boolean isNormal = scales[block] >= TINY && scales[block] <= 0.5f / TINY;
      factor[block] = isNormal ? 1f / scales[block] : 1f;
      divisor[block] = isNormal ? 1f : scales[block];
      divides |= !isNormal;
    }
    return new Blocks(
        column(scales, x),
        column(factor, x),
        divides ? column(divisor, x) : null,
        column(least, x),
        column(most, x));
  }

  private static Tensor column(float[] values, Tensor like) {
    return Tensor.create(values, values.length, 1).to(like.device(), ScalarType.Float);
  }

  /** Values in steps of the scale, so that levels are integers, within the grid's range. */
  private Tensor steps(Blocks shared, Tensor rows) {
    Tensor steps = rows.mul(shared.factor);
    if (shared.divisor != null) {
      steps = steps.div_(shared.divisor);
    }
    return steps.sub_(new Scalar(shift)).maximum(shared.least).minimum(shared.most);
  }

  private Tensor level(Blocks shared, Tensor step) {
    return step.add(new Scalar(shift)).mul_(shared.scale);
  }

  /**
   * {@return the nearest levels}
   *
   * @param x finite floats, contiguous; not modified
   */
  Tensor nearest(Tensor x) {
    Blocks shared = shared(x);
    return level(shared, steps(shared, blocks(x)).round_()).view_as(x);
  }

  /**
   * {@return the levels around values: {@code lower < x <= upper}, or twice the end level outside
   * the range}
   *
   * @param x finite floats, contiguous; not modified
   */
  Interval interval(Tensor x) {
    Blocks shared = shared(x);
    Scalar one = new Scalar(1f);
    Tensor rows = blocks(x);
    Tensor up = steps(shared, rows).ceil();
    // The division may be off by a rounding: the levels themselves decide.
    Tensor below = up.sub(one);
    Tensor tooHigh = up.gt(shared.least).logical_and_(rows.le(level(shared, below)));
    up = below.where(tooHigh, up);
    Tensor tooLow = up.le(shared.most).logical_and_(rows.gt(level(shared, up)));
    up = up.add(one).where(tooLow, up);
    return new Interval(
        level(shared, up.sub(one).maximum(shared.least)).view_as(x),
        level(shared, up.minimum(shared.most)).view_as(x));
  }

  /**
   * {@return the values that a map makes of others}
   *
   * @param map hard, PARQ or BinaryRelax
   * @param step steps of the optimizer so far
   * @param x finite floats, contiguous; not modified, may be the result
   */
  Tensor project(ProxMap map, long step, Tensor x) {
    if (step >= map.annealEnd()) {
      return nearest(x);
    }
    return switch (map) {
      case Parq parq -> step < parq.annealStart() ? x : parq((float) parq.inverseSlope(step), x);
      case BinaryRelax relax -> step < relax.annealStart() ? x : relax(relax, step, x);
      default -> throw new IllegalArgumentException(map + " on a tensor");
    };
  }

  private Tensor parq(float inverseSlope, Tensor x) {
    Interval around = interval(x);
    Tensor centre = around.lower.add(around.upper).div_(new Scalar(2f));
    // A tensor on the device: devices may multiply by the reciprocal of a host scalar.
    Tensor slope = column(new float[] {inverseSlope}, x).view(1);
    Tensor moved = centre.add(x.sub(centre).div_(slope));
    return moved.maximum(around.lower).minimum(around.upper);
  }

  private Tensor relax(BinaryRelax map, long step, Tensor x) {
    double theta = (double) (step - map.annealStart()) / (map.annealEnd() - map.annealStart());
    Tensor own = x.mul(new Scalar((float) (1 - theta)));
    return own.add_(nearest(x).mul_(new Scalar((float) theta)));
  }
}

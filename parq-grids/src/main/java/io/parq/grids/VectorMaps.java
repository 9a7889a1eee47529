package io.parq.grids;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The maps of {@link VectorKernels} onto uniform grids. */
final class VectorMaps {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  /** The longest of several blocks that one loop runs over. */
  private static final int LONGEST_OF_RUN = 256;

  /** As logarithm of a block's length: a run of one block. */
  private static final int ONE_BLOCK = 31;

  private final ScalarKernels scalar;

  VectorMaps(ScalarKernels scalar) {
    this.scalar = scalar;
  }

  /**
   * Blocks of one length are one run if a shift tells them apart and vectors do not straddle them:
   * loops of a few rounds each would cost more than what they do.
   */
  private static boolean isRun(int size) {
    return size <= LONGEST_OF_RUN && size % LANES == 0 && (size & (size - 1)) == 0;
  }

  void nearest(UniformGrid grid, Lattice l, int block, float[] x, int from, int length, float[] q) {
    int size = l.layout().blockLength();
    if (isRun(size) && !grid.hasOffset() && !grid.hasZeroPoint()) {
      int whole = length - length % LANES;
      nearestInRun(grid, l, block, x, from, whole, Integer.numberOfTrailingZeros(size), q);
      if (whole < length) {
        int last = block + whole / size;
        scalar.nearestInBlock(grid, l, last, x, from + whole, length - whole, q);
      }
      return;
    }
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      int whole = n - n % LANES;
      int start = from + done;
      if (grid.hasOffset()) {
        nearestAround(grid, l, b, x, start, whole, q);
      } else {
        nearestInRun(grid, l, b, x, start, whole, ONE_BLOCK, q);
      }
      if (whole < n) {
        scalar.nearestInBlock(grid, l, b, x, start + whole, n - whole, q);
      }
    }
  }

  /** Blocks of 2^log values. */
  private static void nearestInRun(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, int log, float[] q) {
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    if (grid.isAffine()) {
      nearestAffine(l.scales, block, log, x, from, length, least, most, q);
    } else {
      nearestByDivision(l.scales, block, log, x, from, length, grid.shift(), least, most, q);
    }
  }

  private static void nearestAffine(
      float[] scales,
      int block,
      int log,
      float[] x,
      int from,
      int length,
      float least,
      float most,
      float[] q) {
    for (int i = 0; i < length; i += LANES) {
      float scale = scales[block + (i >> log)];
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      FloatVector u = scale >= Float.MIN_NORMAL ? v.mul(1f / scale) : v.div(scale);
      FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
      FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
      k.add(BlockKernels.ROUND).sub(BlockKernels.ROUND).mul(scale).intoArray(q, from + i);
    }
  }

  private static void nearestByDivision(
      float[] scales,
      int block,
      int log,
      float[] x,
      int from,
      int length,
      float shift,
      float least,
      float most,
      float[] q) {
    for (int i = 0; i < length; i += LANES) {
      float scale = scales[block + (i >> log)];
      FloatVector u = FloatVector.fromArray(FLOATS, x, from + i).div(scale).sub(shift);
      FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
      FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
      k.add(BlockKernels.ROUND)
          .sub(BlockKernels.ROUND)
          .add(shift)
          .mul(scale)
          .intoArray(q, from + i);
    }
  }

  private static void nearestAround(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, float[] q) {
    float scale = l.scales[block];
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float origin = grid.origin(l, block);
    float fraction = grid.fraction();
    float shift = grid.shift();
    float offset = l.offset(block);
    for (int i = from; i < from + length; i += LANES) {
      FloatVector d = FloatVector.fromArray(FLOATS, x, i).sub(origin);
      FloatVector u = d.div(scale).sub(fraction);
      FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
      FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
      k.add(BlockKernels.ROUND)
          .sub(BlockKernels.ROUND)
          .add(shift)
          .mul(scale)
          .add(offset)
          .intoArray(q, i);
    }
  }

  void interval(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper) {
    int size = l.layout().blockLength();
    float shift = grid.shift();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      int start = from + done;
      float scale = l.scales[b];
      float reciprocal = grid.reciprocal(scale);
      float least = grid.least(l, b);
      float most = grid.most(l, b);
      int i = 0;
      for (; i <= n - LANES; i += LANES) {
        FloatVector d = FloatVector.fromArray(FLOATS, x, start + i);
        FloatVector u = (reciprocal != 0f ? d.mul(reciprocal) : d.div(scale)).sub(shift);
        FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
        FloatVector k =
            atLeast
                .blend(most, u.compare(VectorOperators.GT, most))
                .add(BlockKernels.ROUND)
                .sub(BlockKernels.ROUND);
        VectorMask<Float> above = d.compare(VectorOperators.GT, k.add(shift).mul(scale));
        FloatVector under = k.sub(1f).blend(k, above);
        FloatVector over = k.blend(k.add(1f), above);
        FloatVector low = under.blend(least, under.compare(VectorOperators.LT, least));
        FloatVector high = over.blend(most, over.compare(VectorOperators.GT, most));
        low.add(shift).mul(scale).intoArray(lower, start + i);
        high.add(shift).mul(scale).intoArray(upper, start + i);
      }
      if (i < n) {
        scalar.intervalInBlock(grid, l, b, x, start + i, n - i, lower, upper);
      }
    }
  }

  void piecewise(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, float slope) {
    int size = l.layout().blockLength();
    if (isRun(size) && !grid.hasZeroPoint()) {
      int whole = length - length % LANES;
      piecewiseInRun(grid, l, block, x, from, whole, Integer.numberOfTrailingZeros(size), slope);
      if (whole < length) {
        int last = block + whole / size;
        scalar.piecewiseInBlock(grid, l, last, x, from + whole, length - whole, slope);
      }
      return;
    }
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      int whole = n - n % LANES;
      piecewiseInRun(grid, l, b, x, from + done, whole, ONE_BLOCK, slope);
      if (whole < n) {
        scalar.piecewiseInBlock(grid, l, b, x, from + done + whole, n - whole, slope);
      }
    }
  }

  /** Codes are clamped as the integers that their floats' bits are, which also takes NaN in. */
  private static void piecewiseInRun(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      int log,
      float slope) {
    float[] scales = l.scales;
    boolean affine = grid.isAffine();
    float shift = grid.shift();
    int least = Float.floatToRawIntBits(BlockKernels.ROUND + grid.least(l, block));
    int most = Float.floatToRawIntBits(BlockKernels.ROUND + grid.most(l, block));
    for (int i = 0; i < length; i += LANES) {
      float scale = scales[block + (i >> log)];
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      FloatVector u =
          (affine && scale >= Float.MIN_NORMAL ? v.mul(1f / scale) : v.div(scale)).sub(shift);
      IntVector k = u.add(BlockKernels.ROUND).reinterpretAsInts().max(least).min(most);
      IntVector under = k.sub(1).max(least);
      IntVector over = k.add(1).min(most);
      FloatVector level = k.reinterpretAsFloats().sub(BlockKernels.ROUND).add(shift).mul(scale);
      FloatVector below = under.reinterpretAsFloats().sub(BlockKernels.ROUND).add(shift).mul(scale);
      FloatVector beyond = over.reinterpretAsFloats().sub(BlockKernels.ROUND).add(shift).mul(scale);
      VectorMask<Float> above = v.compare(VectorOperators.GT, level);
      FloatVector low = below.blend(level, above);
      FloatVector high = level.blend(beyond, above);
      FloatVector centre = low.add(high).mul(0.5f);
      FloatVector moved = centre.add(v.sub(centre).div(slope));
      moved
          .blend(low, moved.compare(VectorOperators.LT, low))
          .blend(high, moved.compare(VectorOperators.GT, high))
          .intoArray(x, from + i);
    }
  }
}

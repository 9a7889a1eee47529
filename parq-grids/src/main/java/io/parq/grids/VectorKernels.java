package io.parq.grids;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loops over the Vector API. The last elements of a block that fill no vector go to the plain
 * loops. Vectors are never handed from method to method: what is not inlined would allocate them.
 */
final class VectorKernels implements BlockKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();

  /** Levels up to which comparing with each is faster than bisection. */
  private static final int MOST_COMPARED = 32;

  /** The longest of several blocks that one loop runs over. */
  private static final int LONGEST_OF_RUN = 256;

  /** As logarithm of a block's length: a run of one block. */
  private static final int ONE_BLOCK = 31;

  private static final int MAGNITUDE = 0x7fffffff;

  /** Four of the lanes of a sum; there are none where vectors are shorter. */
  private static final VectorSpecies<Double> SUMS = DoubleVector.SPECIES_256;

  private static final VectorSpecies<Float> SUMMANDS = FloatVector.SPECIES_128;
  private static final boolean HAS_SUMS = FLOATS.vectorBitSize() >= SUMS.vectorBitSize();

  private final ScalarKernels scalar = new ScalarKernels();

  VectorKernels() {}

  @Override
  public float absMax(float[] x, int from, int length, float centre) {
    IntVector largest = IntVector.zero(INTS);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i).sub(centre);
      largest = largest.max(v.reinterpretAsInts().and(MAGNITUDE));
    }
    float most = Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX));
    if (i == length) {
      return most;
    }
    float rest = scalar.absMax(x, from + i, length - i, centre);
    int bits = Math.max(Float.floatToRawIntBits(most), Float.floatToRawIntBits(rest));
    return Float.intBitsToFloat(bits);
  }

  @Override
  public void magnitudes(
      float[] x, int from, int blocks, int size, float[] largest, double[] sums) {
    if (!HAS_SUMS || size % SUM_LANES != 0) {
      scalar.magnitudes(x, from, blocks, size, largest, sums);
      return;
    }
    for (int block = 0; block < blocks; block++) {
      int start = from + block * size;
      FloatVector a = FloatVector.fromArray(SUMMANDS, x, start).abs();
      FloatVector b = FloatVector.fromArray(SUMMANDS, x, start + 4).abs();
      FloatVector c = FloatVector.fromArray(SUMMANDS, x, start + 8).abs();
      FloatVector d = FloatVector.fromArray(SUMMANDS, x, start + 12).abs();
      DoubleVector s0 = (DoubleVector) a.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector s4 = (DoubleVector) b.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector s8 = (DoubleVector) c.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector s12 = (DoubleVector) d.convertShape(VectorOperators.F2D, SUMS, 0);
      IntVector most = a.reinterpretAsInts().max(b.reinterpretAsInts());
      most = most.max(c.reinterpretAsInts().max(d.reinterpretAsInts()));
      for (int i = start + SUM_LANES; i < start + size; i += SUM_LANES) {
        a = FloatVector.fromArray(SUMMANDS, x, i).abs();
        b = FloatVector.fromArray(SUMMANDS, x, i + 4).abs();
        c = FloatVector.fromArray(SUMMANDS, x, i + 8).abs();
        d = FloatVector.fromArray(SUMMANDS, x, i + 12).abs();
        s0 = s0.add(a.convertShape(VectorOperators.F2D, SUMS, 0));
        s4 = s4.add(b.convertShape(VectorOperators.F2D, SUMS, 0));
        s8 = s8.add(c.convertShape(VectorOperators.F2D, SUMS, 0));
        s12 = s12.add(d.convertShape(VectorOperators.F2D, SUMS, 0));
        IntVector ab = a.reinterpretAsInts().max(b.reinterpretAsInts());
        most = most.max(ab).max(c.reinterpretAsInts().max(d.reinterpretAsInts()));
      }
      DoubleVector p = s0.add(s8).add(s4.add(s12));
      sums[block] = (p.lane(0) + p.lane(2)) + (p.lane(1) + p.lane(3));
      largest[block] = Float.intBitsToFloat(most.reduceLanes(VectorOperators.MAX));
    }
  }

  @Override
  public float min(float[] x, int from, int length) {
    if (length < LANES) {
      return scalar.min(x, from, length);
    }
    FloatVector least = FloatVector.fromArray(FLOATS, x, from);
    int i = LANES;
    for (; i <= length - LANES; i += LANES) {
      least = least.min(FloatVector.fromArray(FLOATS, x, from + i));
    }
    float all = least.reduceLanes(VectorOperators.MIN);
    return i == length ? all : Math.min(all, scalar.min(x, from + i, length - i));
  }

  @Override
  public float max(float[] x, int from, int length) {
    if (length < LANES) {
      return scalar.max(x, from, length);
    }
    FloatVector most = FloatVector.fromArray(FLOATS, x, from);
    int i = LANES;
    for (; i <= length - LANES; i += LANES) {
      most = most.max(FloatVector.fromArray(FLOATS, x, from + i));
    }
    float all = most.reduceLanes(VectorOperators.MAX);
    return i == length ? all : Math.max(all, scalar.max(x, from + i, length - i));
  }

  @Override
  public double sum(float[] x, int from, int length) {
    if (!HAS_SUMS) {
      return scalar.sum(x, from, length);
    }
    DoubleVector s0 = DoubleVector.zero(SUMS);
    DoubleVector s4 = DoubleVector.zero(SUMS);
    DoubleVector s8 = DoubleVector.zero(SUMS);
    DoubleVector s12 = DoubleVector.zero(SUMS);
    int i = 0;
    for (; i <= length - SUM_LANES; i += SUM_LANES) {
      FloatVector a = FloatVector.fromArray(SUMMANDS, x, from + i);
      FloatVector b = FloatVector.fromArray(SUMMANDS, x, from + i + 4);
      FloatVector c = FloatVector.fromArray(SUMMANDS, x, from + i + 8);
      FloatVector d = FloatVector.fromArray(SUMMANDS, x, from + i + 12);
      s0 = s0.add(a.convertShape(VectorOperators.F2D, SUMS, 0));
      s4 = s4.add(b.convertShape(VectorOperators.F2D, SUMS, 0));
      s8 = s8.add(c.convertShape(VectorOperators.F2D, SUMS, 0));
      s12 = s12.add(d.convertShape(VectorOperators.F2D, SUMS, 0));
    }
    DoubleVector p = s0.add(s8).add(s4.add(s12));
    double sum = (p.lane(0) + p.lane(2)) + (p.lane(1) + p.lane(3));
    for (; i < length; i++) {
      sum += x[from + i];
    }
    return sum;
  }

  @Override
  public double sumAbs(float[] x, int from, int length, float centre) {
    if (!HAS_SUMS) {
      return scalar.sumAbs(x, from, length, centre);
    }
    DoubleVector middle = DoubleVector.broadcast(SUMS, centre);
    DoubleVector s0 = DoubleVector.zero(SUMS);
    DoubleVector s4 = DoubleVector.zero(SUMS);
    DoubleVector s8 = DoubleVector.zero(SUMS);
    DoubleVector s12 = DoubleVector.zero(SUMS);
    int i = 0;
    for (; i <= length - SUM_LANES; i += SUM_LANES) {
      FloatVector a = FloatVector.fromArray(SUMMANDS, x, from + i);
      FloatVector b = FloatVector.fromArray(SUMMANDS, x, from + i + 4);
      FloatVector c = FloatVector.fromArray(SUMMANDS, x, from + i + 8);
      FloatVector d = FloatVector.fromArray(SUMMANDS, x, from + i + 12);
      DoubleVector e = (DoubleVector) a.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector f = (DoubleVector) b.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector g = (DoubleVector) c.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector h = (DoubleVector) d.convertShape(VectorOperators.F2D, SUMS, 0);
      s0 = s0.add(e.sub(middle).abs());
      s4 = s4.add(f.sub(middle).abs());
      s8 = s8.add(g.sub(middle).abs());
      s12 = s12.add(h.sub(middle).abs());
    }
    DoubleVector p = s0.add(s8).add(s4.add(s12));
    double sum = (p.lane(0) + p.lane(2)) + (p.lane(1) + p.lane(3));
    for (; i < length; i++) {
      sum += Math.abs(x[from + i] - (double) centre);
    }
    return sum;
  }

  @Override
  public void subtractSigned(float[] x, int length, float v) {
    FloatVector minus = FloatVector.broadcast(FLOATS, -v);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, i);
      a.sub(minus.blend(v, a.compare(VectorOperators.GE, 0f))).intoArray(x, i);
    }
    for (; i < length; i++) {
      x[i] -= x[i] >= 0 ? v : -v;
    }
  }

  /**
   * Blocks of one length are one run if a shift tells them apart and vectors do not straddle them:
   * loops of a few rounds each would cost more than what they do.
   */
  private static boolean isRun(int size) {
    return size <= LONGEST_OF_RUN && size % LANES == 0 && (size & (size - 1)) == 0;
  }

  @Override
  public void nearest(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, float[] q) {
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
      k.add(ROUND).sub(ROUND).mul(scale).intoArray(q, from + i);
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
      k.add(ROUND).sub(ROUND).add(shift).mul(scale).intoArray(q, from + i);
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
      k.add(ROUND).sub(ROUND).add(shift).mul(scale).add(offset).intoArray(q, i);
    }
  }

  @Override
  public void interval(
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
            atLeast.blend(most, u.compare(VectorOperators.GT, most)).add(ROUND).sub(ROUND);
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

  @Override
  public void piecewise(
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
    int least = Float.floatToRawIntBits(ROUND + grid.least(l, block));
    int most = Float.floatToRawIntBits(ROUND + grid.most(l, block));
    for (int i = 0; i < length; i += LANES) {
      float scale = scales[block + (i >> log)];
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      FloatVector u =
          (affine && scale >= Float.MIN_NORMAL ? v.mul(1f / scale) : v.div(scale)).sub(shift);
      IntVector k = u.add(ROUND).reinterpretAsInts().max(least).min(most);
      IntVector under = k.sub(1).max(least);
      IntVector over = k.add(1).min(most);
      FloatVector level = k.reinterpretAsFloats().sub(ROUND).add(shift).mul(scale);
      FloatVector below = under.reinterpretAsFloats().sub(ROUND).add(shift).mul(scale);
      FloatVector beyond = over.reinterpretAsFloats().sub(ROUND).add(shift).mul(scale);
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

  @Override
  public void piecewise(
      float[] x, float[] lower, float[] upper, int from, int length, float slope) {
    int end = from + length - length % LANES;
    for (int i = from; i < end; i += LANES) {
      FloatVector low = FloatVector.fromArray(FLOATS, lower, i);
      FloatVector high = FloatVector.fromArray(FLOATS, upper, i);
      FloatVector centre = low.add(high).mul(0.5f);
      FloatVector away = FloatVector.fromArray(FLOATS, x, i).sub(centre).div(slope);
      FloatVector moved = centre.add(away);
      // The zeros of all operands are positive, so comparing will do.
      FloatVector least = moved.blend(low, moved.compare(VectorOperators.LT, low));
      least.blend(high, least.compare(VectorOperators.GT, high)).intoArray(x, i);
    }
    scalar.piecewise(x, lower, upper, end, from + length - end, slope);
  }

  @Override
  public void codes(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, byte[] out, int at) {
    // Rounding to codes happens once, at the end of training; the plain loop will do.
    scalar.codes(grid, l, block, x, from, length, out, at);
  }

  @Override
  public void search(
      float[] levels, float[] thresholds, int count, float[] x, int from, int length, float[] q) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      FloatVector level = FloatVector.broadcast(FLOATS, levels[0]);
      for (int j = 0; j < count - 1; j++) {
        level = level.blend(levels[j + 1], v.compare(VectorOperators.GE, thresholds[j]));
      }
      level.blend(Float.NaN, v.test(VectorOperators.IS_NAN)).intoArray(q, from + i);
    }
    if (i < length) {
      scalar.search(levels, thresholds, count, x, from + i, length - i, q);
    }
  }

  @Override
  public void searchCodes(
      float[] thresholds, int count, float[] x, int from, int length, byte[] out, int at) {
    scalar.searchCodes(thresholds, count, x, from, length, out, at);
  }

  @Override
  public void searchInterval(
      float[] levels, int count, float[] x, int from, int length, float[] lower, float[] upper) {
    int i = 0;
    for (; count <= MOST_COMPARED && i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      FloatVector low = FloatVector.broadcast(FLOATS, levels[0]);
      FloatVector high = low;
      for (int j = 0; j < count; j++) {
        VectorMask<Float> above = v.compare(VectorOperators.GT, levels[j]);
        low = low.blend(levels[j], above);
        high = high.blend(levels[Math.min(j + 1, count - 1)], above);
      }
      low.intoArray(lower, from + i);
      high.intoArray(upper, from + i);
    }
    if (i < length) {
      scalar.searchInterval(levels, count, x, from + i, length - i, lower, upper);
    }
  }
}

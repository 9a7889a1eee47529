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

  @Override
  public void nearest(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, float[] q) {
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      int whole = n - n % LANES;
      int start = from + done;
      float scale = l.scales[b];
      float reciprocal = grid.reciprocal(scale);
      float least = grid.least(l, b);
      float most = grid.most(l, b);
      if (grid.hasOffset()) {
        nearestAround(grid, l, b, x, start, whole, q);
      } else if (reciprocal != 0f) {
        nearestByReciprocal(x, start, whole, reciprocal, least, most, scale, q);
      } else {
        nearestByDivision(x, start, whole, grid.shift(), least, most, scale, q);
      }
      if (whole < n) {
        scalar.nearestInBlock(grid, l, b, x, start + whole, n - whole, q);
      }
    }
  }

  private static void nearestByReciprocal(
      float[] x,
      int from,
      int length,
      float reciprocal,
      float least,
      float most,
      float scale,
      float[] q) {
    for (int i = from; i < from + length; i += LANES) {
      FloatVector u = FloatVector.fromArray(FLOATS, x, i).mul(reciprocal);
      FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
      FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
      k.add(ROUND).sub(ROUND).mul(scale).intoArray(q, i);
    }
  }

  private static void nearestByDivision(
      float[] x,
      int from,
      int length,
      float shift,
      float least,
      float most,
      float scale,
      float[] q) {
    for (int i = from; i < from + length; i += LANES) {
      FloatVector u = FloatVector.fromArray(FLOATS, x, i).div(scale).sub(shift);
      FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
      FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
      k.add(ROUND).sub(ROUND).add(shift).mul(scale).intoArray(q, i);
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

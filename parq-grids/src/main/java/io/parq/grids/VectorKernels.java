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

  /** Four of the eight lanes of a sum; there are none where vectors are shorter. */
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
    DoubleVector low = DoubleVector.zero(SUMS);
    DoubleVector high = DoubleVector.zero(SUMS);
    int i = 0;
    for (; i <= length - 8; i += 8) {
      FloatVector a = FloatVector.fromArray(SUMMANDS, x, from + i);
      FloatVector b = FloatVector.fromArray(SUMMANDS, x, from + i + 4);
      low = low.add(a.convertShape(VectorOperators.F2D, SUMS, 0));
      high = high.add(b.convertShape(VectorOperators.F2D, SUMS, 0));
    }
    DoubleVector four = low.add(high);
    double sum = (four.lane(0) + four.lane(2)) + (four.lane(1) + four.lane(3));
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
    double c = centre;
    DoubleVector low = DoubleVector.zero(SUMS);
    DoubleVector high = DoubleVector.zero(SUMS);
    int i = 0;
    for (; i <= length - 8; i += 8) {
      FloatVector a = FloatVector.fromArray(SUMMANDS, x, from + i);
      FloatVector b = FloatVector.fromArray(SUMMANDS, x, from + i + 4);
      DoubleVector d = (DoubleVector) a.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector e = (DoubleVector) b.convertShape(VectorOperators.F2D, SUMS, 0);
      low = low.add(d.sub(c).abs());
      high = high.add(e.sub(c).abs());
    }
    DoubleVector four = low.add(high);
    double sum = (four.lane(0) + four.lane(2)) + (four.lane(1) + four.lane(3));
    for (; i < length; i++) {
      sum += Math.abs(x[from + i] - c);
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
    float fraction = grid.fraction();
    float shift = grid.shift();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      int start = from + done;
      float scale = l.scales[b];
      float reciprocal = grid.reciprocal(scale);
      float least = grid.least(l, b);
      float most = grid.most(l, b);
      float origin = grid.origin(l, b);
      float offset = l.offset(b);
      int i = 0;
      for (; i <= n - LANES; i += LANES) {
        FloatVector d = FloatVector.fromArray(FLOATS, x, start + i).sub(origin);
        FloatVector u = (reciprocal != 0f ? d.mul(reciprocal) : d.div(scale)).sub(fraction);
        FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
        FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
        k.add(ROUND).sub(ROUND).add(shift).mul(scale).add(offset).intoArray(q, start + i);
      }
      if (i < n) {
        scalar.nearestInBlock(grid, l, b, x, start + i, n - i, q);
      }
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

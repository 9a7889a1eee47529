package io.parq.grids;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loops over the Vector API. The last elements of a block that fill no vector go to the plain
 * loops. Vectors are never handed from method to method: what is not inlined would allocate them.
 * Extremes are numbers from one turn of a loop to the next, since vectors that are kept may become
 * objects too, depending on what else runs.
 */
final class VectorKernels implements BlockKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  private static final int MAGNITUDE = 0x7fffffff;

  private final ScalarKernels scalar = new ScalarKernels();

  VectorKernels() {}

  /** The last vectors overlap, which changes no extreme. */
  @Override
  public float absMax(float[] x, int from, int length, float centre) {
    if (length < LANES) {
      return scalar.absMax(x, from, length, centre);
    }
    int last = from + length - LANES;
    int largest = 0;
    int i = from;
    for (; i <= last - 3 * LANES; i += 4 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, i).sub(centre);
      FloatVector b = FloatVector.fromArray(FLOATS, x, i + LANES).sub(centre);
      FloatVector c = FloatVector.fromArray(FLOATS, x, i + 2 * LANES).sub(centre);
      FloatVector d = FloatVector.fromArray(FLOATS, x, i + 3 * LANES).sub(centre);
      IntVector ab = a.reinterpretAsInts().and(MAGNITUDE).max(b.reinterpretAsInts().and(MAGNITUDE));
      IntVector cd = c.reinterpretAsInts().and(MAGNITUDE).max(d.reinterpretAsInts().and(MAGNITUDE));
      largest = Math.max(largest, ab.max(cd).reduceLanes(VectorOperators.MAX));
    }
    for (; i < from + length; i += 2 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, Math.min(i, last)).sub(centre);
      FloatVector b = FloatVector.fromArray(FLOATS, x, Math.min(i + LANES, last)).sub(centre);
      IntVector ab = a.reinterpretAsInts().and(MAGNITUDE).max(b.reinterpretAsInts().and(MAGNITUDE));
      largest = Math.max(largest, ab.reduceLanes(VectorOperators.MAX));
    }
    return Float.intBitsToFloat(largest);
  }

  @Override
  public float min(float[] x, int from, int length) {
    if (length < LANES) {
      return scalar.min(x, from, length);
    }
    int last = from + length - LANES;
    float least = x[from];
    int i = from;
    for (; i <= last - 3 * LANES; i += 4 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, i);
      FloatVector b = FloatVector.fromArray(FLOATS, x, i + LANES);
      FloatVector c = FloatVector.fromArray(FLOATS, x, i + 2 * LANES);
      FloatVector d = FloatVector.fromArray(FLOATS, x, i + 3 * LANES);
      least = Math.min(least, a.min(b).min(c.min(d)).reduceLanes(VectorOperators.MIN));
    }
    for (; i < from + length; i += 2 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, Math.min(i, last));
      FloatVector b = FloatVector.fromArray(FLOATS, x, Math.min(i + LANES, last));
      least = Math.min(least, a.min(b).reduceLanes(VectorOperators.MIN));
    }
    return least;
  }

  @Override
  public float max(float[] x, int from, int length) {
    if (length < LANES) {
      return scalar.max(x, from, length);
    }
    int last = from + length - LANES;
    float most = x[from];
    int i = from;
    for (; i <= last - 3 * LANES; i += 4 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, i);
      FloatVector b = FloatVector.fromArray(FLOATS, x, i + LANES);
      FloatVector c = FloatVector.fromArray(FLOATS, x, i + 2 * LANES);
      FloatVector d = FloatVector.fromArray(FLOATS, x, i + 3 * LANES);
      most = Math.max(most, a.max(b).max(c.max(d)).reduceLanes(VectorOperators.MAX));
    }
    for (; i < from + length; i += 2 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, Math.min(i, last));
      FloatVector b = FloatVector.fromArray(FLOATS, x, Math.min(i + LANES, last));
      most = Math.max(most, a.max(b).reduceLanes(VectorOperators.MAX));
    }
    return most;
  }

  @Override
  public double sum(float[] x, int from, int length) {
    return VectorSums.sum(x, from, length);
  }

  @Override
  public double sumAbs(float[] x, int from, int length, float centre) {
    return VectorSums.sumAbs(x, from, length, centre);
  }

  @Override
  public void magnitudes(
      float[] x, int from, int blocks, int size, float[] largest, double[] sums) {
    if (VectorSums.HAS_SUMS && size >= SHORT_RUN) {
      VectorSums.magnitudes(x, from, blocks, size, largest, sums);
    } else {
      scalar.magnitudes(x, from, blocks, size, largest, sums);
    }
  }

  @Override
  public double sumFrom(float[] x, int length, float least) {
    return VectorSums.sumFrom(x, length, least);
  }

  @Override
  public void tally(
      float[] x, int from, int length, float[] cuts, int first, float[] sums, int[] counts) {
    int whole = length - length % LANES;
    scalar.tally(x, from + whole, length - whole, cuts, first, sums, counts);
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    int c0 = 0;
    int c1 = 0;
    int c2 = 0;
    int c3 = 0;
    for (int i = from; i < from + whole; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, i);
      VectorMask<Float> m0 = v.compare(VectorOperators.GE, cuts[first + 0]);
      VectorMask<Float> m1 = v.compare(VectorOperators.GE, cuts[first + 1]);
      VectorMask<Float> m2 = v.compare(VectorOperators.GE, cuts[first + 2]);
      VectorMask<Float> m3 = v.compare(VectorOperators.GE, cuts[first + 3]);
      s0 = s0.add(v, m0);
      s1 = s1.add(v, m1);
      s2 = s2.add(v, m2);
      s3 = s3.add(v, m3);
      c0 += m0.trueCount();
      c1 += m1.trueCount();
      c2 += m2.trueCount();
      c3 += m3.trueCount();
    }
    sums[first + 0] += s0.reduceLanes(VectorOperators.ADD);
    sums[first + 1] += s1.reduceLanes(VectorOperators.ADD);
    sums[first + 2] += s2.reduceLanes(VectorOperators.ADD);
    sums[first + 3] += s3.reduceLanes(VectorOperators.ADD);
    counts[first + 0] += c0;
    counts[first + 1] += c1;
    counts[first + 2] += c2;
    counts[first + 3] += c3;
  }

  @Override
  public int select(float[] x, int length, float low, float high, float[] out) {
    int found = 0;
    int i = 0;
    for (; VectorSums.HAS_SUMS && i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, i);
      VectorMask<Float> picked =
          v.compare(VectorOperators.GE, low).and(v.compare(VectorOperators.LT, high));
      v.compress(picked).intoArray(out, found);
      found += picked.trueCount();
    }
    return scalar.select(x, i, length, low, high, out, found);
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
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment q,
      long at) {
    if (q.isNative()) {
      VectorMaps.nearest(scalar, grid, l, block, x, from, length, q, at);
    } else {
      MemorySegment own = Scratch.own().memory(length);
      VectorMaps.nearest(scalar, grid, l, block, x, from, length, own, 0);
      MemorySegment.copy(own, 0, q, 4 * at, 4L * length);
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
      float[] upper,
      int at) {
    VectorMaps.interval(scalar, grid, l, block, x, from, length, lower, upper, at);
  }

  @Override
  public void piecewise(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float slope,
      MemorySegment q,
      long at) {
    if (q.isNative()) {
      VectorMaps.piecewise(scalar, grid, l, block, x, from, length, slope, q, at);
    } else {
      MemorySegment own = Scratch.own().memory(length);
      VectorMaps.piecewise(scalar, grid, l, block, x, from, length, slope, own, 0);
      MemorySegment.copy(own, 0, q, 4 * at, 4L * length);
    }
  }

  @Override
  public void piecewise(
      float[] x, int from, int length, float slope, float[] lower, float[] upper, int at) {
    int whole = length - length % LANES;
    for (int i = 0; i < whole; i += LANES) {
      FloatVector low = FloatVector.fromArray(FLOATS, lower, at + i);
      FloatVector high = FloatVector.fromArray(FLOATS, upper, at + i);
      FloatVector centre = low.add(high).mul(0.5f);
      FloatVector away = FloatVector.fromArray(FLOATS, x, from + i).sub(centre).div(slope);
      FloatVector moved = centre.add(away);
      // The zeros of all operands are positive, so comparing will do.
      FloatVector least = moved.blend(low, moved.compare(VectorOperators.LT, low));
      least.blend(high, least.compare(VectorOperators.GT, high)).intoArray(upper, at + i);
    }
    scalar.piecewise(x, from + whole, length - whole, slope, lower, upper, at + whole);
  }

  @Override
  public void codes(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, byte[] out, int at) {
    // Rounding to codes happens once, at the end of training; the plain loop will do.
    scalar.codes(grid, l, block, x, from, length, out, at);
  }

  @Override
  public void search(
      float[] levels,
      float[] thresholds,
      int count,
      float[] x,
      int from,
      int length,
      float[] q,
      int at) {
    int whole = VectorSearch.isFor(count) ? length - length % LANES : 0;
    VectorSearch.levels(levels, thresholds, count, x, from, whole, q, at);
    if (whole < length) {
      scalar.search(levels, thresholds, count, x, from + whole, length - whole, q, at + whole);
    }
  }

  @Override
  public void searchCodes(
      float[] thresholds, int count, float[] x, int from, int length, byte[] out, int at) {
    scalar.searchCodes(thresholds, count, x, from, length, out, at);
  }

  @Override
  public void searchInterval(
      float[] levels,
      int count,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper,
      int at) {
    int whole = VectorSearch.isFor(count) ? length - length % LANES : 0;
    VectorSearch.interval(levels, count, x, from, whole, lower, upper, at);
    if (whole < length) {
      int rest = length - whole;
      scalar.searchInterval(levels, count, x, from + whole, rest, lower, upper, at + whole);
    }
  }

  @Override
  public void values(
      AffineBlocks blocks,
      int block,
      byte[] codes,
      int codesFrom,
      int length,
      float[] out,
      int from) {
    VectorValues.values(scalar, blocks, block, codes, codesFrom, length, out, from);
  }
}

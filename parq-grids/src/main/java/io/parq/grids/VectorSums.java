package io.parq.grids;

import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The sums of {@link VectorKernels}. */
final class VectorSums {
  private static final int SUM_LANES = BlockKernels.SUM_LANES;
  private static final int RUN = BlockKernels.RUN;

  /** Four of the lanes of a sum; there are none where vectors are shorter. */
  private static final VectorSpecies<Double> SUMS = DoubleVector.SPECIES_256;

  private static final VectorSpecies<Float> SUMMANDS = FloatVector.SPECIES_128;
  private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;
  private static final VectorShuffle<Double> HALVES_SWAPPED =
      VectorShuffle.fromValues(SUMS, 2, 3, 0, 1);
  static final boolean HAS_SUMS =
      FloatVector.SPECIES_PREFERRED.vectorBitSize() >= SUMS.vectorBitSize();

  private VectorSums() {}

  /** Lanes are in an array: kept in vectors they were objects where other code uses vectors too. */
  static double sum(float[] x, int from, int length) {
    if (!HAS_SUMS || length < 4 * SUM_LANES) {
      return ScalarSums.sum(x, from, length);
    }
    double[] s = Scratch.own().lanes;
    Arrays.fill(s, 0);
    int i = from;
    for (; i <= from + length - 4 * SUM_LANES; i += 4 * SUM_LANES) {
      for (int j = 0; j < SUM_LANES; j += 4) {
        FloatVector a = FloatVector.fromArray(SUMMANDS, x, i + j);
        FloatVector b = FloatVector.fromArray(SUMMANDS, x, i + j + SUM_LANES);
        FloatVector c = FloatVector.fromArray(SUMMANDS, x, i + j + 2 * SUM_LANES);
        FloatVector d = FloatVector.fromArray(SUMMANDS, x, i + j + 3 * SUM_LANES);
        DoubleVector.fromArray(SUMS, s, j)
            .add(a.convertShape(VectorOperators.F2D, SUMS, 0))
            .add(b.convertShape(VectorOperators.F2D, SUMS, 0))
            .add(c.convertShape(VectorOperators.F2D, SUMS, 0))
            .add(d.convertShape(VectorOperators.F2D, SUMS, 0))
            .intoArray(s, j);
      }
    }
    for (; i <= from + length - SUM_LANES; i += SUM_LANES) {
      for (int j = 0; j < SUM_LANES; j++) {
        s[j] += x[i + j];
      }
    }
    double even = ((s[0] + s[8]) + (s[4] + s[12])) + ((s[2] + s[10]) + (s[6] + s[14]));
    double odd = ((s[1] + s[9]) + (s[5] + s[13])) + ((s[3] + s[11]) + (s[7] + s[15]));
    double sum = even + odd;
    for (; i < from + length; i++) {
      sum += x[i];
    }
    return sum;
  }

  static double sumAbs(float[] x, int from, int length, float centre) {
    if (!HAS_SUMS) {
      return ScalarSums.sumAbs(x, from, length, centre);
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

  static double sumFrom(float[] x, int length, float least) {
    if (!HAS_SUMS) {
      return ScalarSums.sumFrom(x, length, least);
    }
    FloatVector none = FloatVector.zero(SUMMANDS);
    DoubleVector s0 = DoubleVector.zero(SUMS);
    DoubleVector s4 = DoubleVector.zero(SUMS);
    DoubleVector s8 = DoubleVector.zero(SUMS);
    DoubleVector s12 = DoubleVector.zero(SUMS);
    int i = 0;
    for (; i <= length - SUM_LANES; i += SUM_LANES) {
      FloatVector a = FloatVector.fromArray(SUMMANDS, x, i);
      FloatVector b = FloatVector.fromArray(SUMMANDS, x, i + 4);
      FloatVector c = FloatVector.fromArray(SUMMANDS, x, i + 8);
      FloatVector d = FloatVector.fromArray(SUMMANDS, x, i + 12);
      a = none.blend(a, a.compare(VectorOperators.GE, least));
      b = none.blend(b, b.compare(VectorOperators.GE, least));
      c = none.blend(c, c.compare(VectorOperators.GE, least));
      d = none.blend(d, d.compare(VectorOperators.GE, least));
      s0 = s0.add(a.convertShape(VectorOperators.F2D, SUMS, 0));
      s4 = s4.add(b.convertShape(VectorOperators.F2D, SUMS, 0));
      s8 = s8.add(c.convertShape(VectorOperators.F2D, SUMS, 0));
      s12 = s12.add(d.convertShape(VectorOperators.F2D, SUMS, 0));
    }
    DoubleVector p = s0.add(s8).add(s4.add(s12));
    double sum = (p.lane(0) + p.lane(2)) + (p.lane(1) + p.lane(3));
    for (; i < length; i++) {
      sum += x[i] >= least ? x[i] : 0;
    }
    return sum;
  }

  /** For blocks of one run at least. */
  static void magnitudes(
      float[] x, int from, int blocks, int size, float[] largest, double[] sums) {
    if (size == RUN) {
      magnitudesOfRuns(x, from, blocks, largest, sums);
    } else {
      double[] lanes = Scratch.own().lanes;
      int whole = size - size % (2 * RUN);
      for (int block = 0; block < blocks; block++) {
        int start = from + block * size;
        DoubleVector.zero(SUMS).intoArray(lanes, 0);
        DoubleVector.zero(SUMS).intoArray(lanes, 4);
        float most = magnitudes(x, start, start + whole, lanes);
        if (whole < size) {
          for (int i = start + whole; i < start + size; i++) {
            most = Math.max(most, Math.abs(x[i]));
          }
          sums[block] = ScalarSums.addMagnitudes(x, start + whole, start + size, lanes);
        } else {
          DoubleVector p =
              DoubleVector.fromArray(SUMS, lanes, 0).add(DoubleVector.fromArray(SUMS, lanes, 4));
          DoubleVector q = p.add(p.rearrange(HALVES_SWAPPED));
          sums[block] = q.lane(0) + q.lane(1);
        }
        largest[block] = most;
      }
    }
  }

  private static void magnitudesOfRuns(
      float[] x, int from, int blocks, float[] largest, double[] sums) {
    for (int block = 0; block < blocks; block++) {
      int start = from + block * RUN;
      FloatVector a = FloatVector.fromArray(EIGHT, x, start).abs();
      FloatVector b = FloatVector.fromArray(EIGHT, x, start + 8).abs();
      FloatVector c = FloatVector.fromArray(EIGHT, x, start + 16).abs();
      FloatVector d = FloatVector.fromArray(EIGHT, x, start + 24).abs();
      FloatVector sum = a.add(b).add(c.add(d));
      DoubleVector s0 = (DoubleVector) sum.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector s4 = (DoubleVector) sum.convertShape(VectorOperators.F2D, SUMS, 1);
      DoubleVector p = s0.add(s4);
      DoubleVector q = p.add(p.rearrange(HALVES_SWAPPED));
      sums[block] = q.lane(0) + q.lane(1);
      IntVector ab = a.reinterpretAsInts().max(b.reinterpretAsInts());
      IntVector cd = c.reinterpretAsInts().max(d.reinterpretAsInts());
      largest[block] = Float.intBitsToFloat(ab.max(cd).reduceLanes(VectorOperators.MAX));
    }
  }

  /** Adds pairs of runs to the lanes, and returns the largest magnitude. */
  private static float magnitudes(float[] x, int from, int end, double[] lanes) {
    int largest = 0;
    for (int i = from; i < end; i += 2 * RUN) {
      FloatVector a = FloatVector.fromArray(EIGHT, x, i).abs();
      FloatVector b = FloatVector.fromArray(EIGHT, x, i + 8).abs();
      FloatVector c = FloatVector.fromArray(EIGHT, x, i + 16).abs();
      FloatVector d = FloatVector.fromArray(EIGHT, x, i + 24).abs();
      FloatVector e = FloatVector.fromArray(EIGHT, x, i + 32).abs();
      FloatVector f = FloatVector.fromArray(EIGHT, x, i + 40).abs();
      FloatVector g = FloatVector.fromArray(EIGHT, x, i + 48).abs();
      FloatVector h = FloatVector.fromArray(EIGHT, x, i + 56).abs();
      FloatVector first = a.add(b).add(c.add(d));
      FloatVector second = e.add(f).add(g.add(h));
      DoubleVector.fromArray(SUMS, lanes, 0)
          .add(first.convertShape(VectorOperators.F2D, SUMS, 0))
          .add(second.convertShape(VectorOperators.F2D, SUMS, 0))
          .intoArray(lanes, 0);
      DoubleVector.fromArray(SUMS, lanes, 4)
          .add(first.convertShape(VectorOperators.F2D, SUMS, 1))
          .add(second.convertShape(VectorOperators.F2D, SUMS, 1))
          .intoArray(lanes, 4);
      IntVector ab = a.reinterpretAsInts().max(b.reinterpretAsInts());
      IntVector cd = c.reinterpretAsInts().max(d.reinterpretAsInts());
      IntVector ef = e.reinterpretAsInts().max(f.reinterpretAsInts());
      IntVector gh = g.reinterpretAsInts().max(h.reinterpretAsInts());
      IntVector most = ab.max(cd).max(ef.max(gh));
      largest = Math.max(largest, most.reduceLanes(VectorOperators.MAX));
    }
    return Float.intBitsToFloat(largest);
  }
}

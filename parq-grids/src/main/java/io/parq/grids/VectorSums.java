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
  private static final int SHORT_RUN = BlockKernels.SHORT_RUN;
  private static final int LONG_RUN = BlockKernels.LONG_RUN;

  /** Runs of a block that are summed at a time. */
  static final int RUNS = 64;

  /** Four of the lanes of a sum; there are none where vectors are shorter. */
  private static final VectorSpecies<Double> SUMS = DoubleVector.SPECIES_256;

  private static final VectorSpecies<Float> SUMMANDS = FloatVector.SPECIES_128;
  private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;
  private static final VectorShuffle<Double> HALVES_SWAPPED =
      VectorShuffle.fromValues(SUMS, 2, 3, 0, 1);
  private static final VectorShuffle<Float> FOURS_SWAPPED =
      VectorShuffle.fromValues(EIGHT, 4, 5, 6, 7, 0, 1, 2, 3);
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

  /** For blocks of one short run at least. */
  static void magnitudes(
      float[] x, int from, int blocks, int size, float[] largest, double[] sums) {
    int run = BlockKernels.run(size);
    if (size == run) {
      magnitudesOfRuns(run, x, from, blocks, largest, sums);
    } else if (size % run == 0) {
      magnitudesOfBlocks(run, x, from, blocks, size, largest, 0, sums);
    } else {
      int whole = size - size % run;
      for (int block = 0; block < blocks; block++) {
        int start = from + block * size;
        magnitudesOfBlocks(run, x, start, 1, whole, largest, block, sums);
        for (int i = start + whole; i < start + size; i++) {
          largest[block] = Math.max(largest[block], Math.abs(x[i]));
          sums[block] += Math.abs(x[i]);
        }
      }
    }
  }

  /** Of blocks of whole runs; those of all blocks are taken together, as blocks may be short. */
  private static void magnitudesOfBlocks(
      int run, float[] x, int from, int blocks, int size, float[] largest, int at, double[] sums) {
    float[] largestOfRuns = Scratch.own().largestOfRuns;
    double[] sumsOfRuns = Scratch.own().sumsOfRuns;
    int perBlock = size / run;
    int runs = blocks * perBlock;
    int block = at;
    int left = perBlock;
    int most = 0;
    double sum = 0;
    for (int done = 0; done < runs; done += RUNS) {
      int n = Math.min(RUNS, runs - done);
      magnitudesOfRuns(run, x, from + done * run, n, largestOfRuns, sumsOfRuns);
      for (int i = 0; i < n; ) {
        int end = Math.min(n, i + left);
        left -= end - i;
        for (; i < end; i++) {
          most = Math.max(most, Float.floatToRawIntBits(largestOfRuns[i]));
          sum += sumsOfRuns[i];
        }
        if (left == 0) {
          largest[block] = Float.intBitsToFloat(most);
          sums[block] = sum;
          block++;
          left = perBlock;
          most = 0;
          sum = 0;
        }
      }
    }
  }

  private static void magnitudesOfRuns(
      int run, float[] x, int from, int runs, float[] largest, double[] sums) {
    if (run == LONG_RUN) {
      magnitudesOfLongRuns(x, from, runs, largest, sums);
    } else {
      magnitudesOfShortRuns(x, from, runs, largest, sums);
    }
  }

  private static void magnitudesOfShortRuns(
      float[] x, int from, int runs, float[] largest, double[] sums) {
    for (int run = 0; run < runs; run++) {
      int i = from + run * SHORT_RUN;
      FloatVector v0 = FloatVector.fromArray(EIGHT, x, i + 0).abs();
      FloatVector v1 = FloatVector.fromArray(EIGHT, x, i + 8).abs();
      FloatVector v2 = FloatVector.fromArray(EIGHT, x, i + 16).abs();
      FloatVector v3 = FloatVector.fromArray(EIGHT, x, i + 24).abs();
      FloatVector t = v0.add(v2).add(v1.add(v3));
      FloatVector f = t.add(t.rearrange(FOURS_SWAPPED));
      DoubleVector p = (DoubleVector) f.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector q = p.add(p.rearrange(HALVES_SWAPPED));
      sums[run] = q.lane(0) + q.lane(1);
      IntVector m0 = v0.reinterpretAsInts().max(v1.reinterpretAsInts());
      IntVector m2 = v2.reinterpretAsInts().max(v3.reinterpretAsInts());
      largest[run] = Float.intBitsToFloat(m0.max(m2).reduceLanes(VectorOperators.MAX));
    }
  }

  private static void magnitudesOfLongRuns(
      float[] x, int from, int runs, float[] largest, double[] sums) {
    for (int run = 0; run < runs; run++) {
      int i = from + run * LONG_RUN;
      FloatVector v0 = FloatVector.fromArray(EIGHT, x, i + 0).abs();
      FloatVector v1 = FloatVector.fromArray(EIGHT, x, i + 8).abs();
      FloatVector v2 = FloatVector.fromArray(EIGHT, x, i + 16).abs();
      FloatVector v3 = FloatVector.fromArray(EIGHT, x, i + 24).abs();
      FloatVector v4 = FloatVector.fromArray(EIGHT, x, i + 32).abs();
      FloatVector v5 = FloatVector.fromArray(EIGHT, x, i + 40).abs();
      FloatVector v6 = FloatVector.fromArray(EIGHT, x, i + 48).abs();
      FloatVector v7 = FloatVector.fromArray(EIGHT, x, i + 56).abs();
      FloatVector v8 = FloatVector.fromArray(EIGHT, x, i + 64).abs();
      FloatVector v9 = FloatVector.fromArray(EIGHT, x, i + 72).abs();
      FloatVector v10 = FloatVector.fromArray(EIGHT, x, i + 80).abs();
      FloatVector v11 = FloatVector.fromArray(EIGHT, x, i + 88).abs();
      FloatVector v12 = FloatVector.fromArray(EIGHT, x, i + 96).abs();
      FloatVector v13 = FloatVector.fromArray(EIGHT, x, i + 104).abs();
      FloatVector v14 = FloatVector.fromArray(EIGHT, x, i + 112).abs();
      FloatVector v15 = FloatVector.fromArray(EIGHT, x, i + 120).abs();
      FloatVector even = v0.add(v2).add(v4.add(v6)).add(v8.add(v10).add(v12.add(v14)));
      FloatVector odd = v1.add(v3).add(v5.add(v7)).add(v9.add(v11).add(v13.add(v15)));
      FloatVector t = even.add(odd);
      FloatVector f = t.add(t.rearrange(FOURS_SWAPPED));
      DoubleVector p = (DoubleVector) f.convertShape(VectorOperators.F2D, SUMS, 0);
      DoubleVector q = p.add(p.rearrange(HALVES_SWAPPED));
      sums[run] = q.lane(0) + q.lane(1);
      IntVector m0 = v0.reinterpretAsInts().max(v1.reinterpretAsInts());
      IntVector m2 = v2.reinterpretAsInts().max(v3.reinterpretAsInts());
      IntVector m4 = v4.reinterpretAsInts().max(v5.reinterpretAsInts());
      IntVector m6 = v6.reinterpretAsInts().max(v7.reinterpretAsInts());
      IntVector m8 = v8.reinterpretAsInts().max(v9.reinterpretAsInts());
      IntVector m10 = v10.reinterpretAsInts().max(v11.reinterpretAsInts());
      IntVector m12 = v12.reinterpretAsInts().max(v13.reinterpretAsInts());
      IntVector m14 = v14.reinterpretAsInts().max(v15.reinterpretAsInts());
      IntVector first = m0.max(m2).max(m4.max(m6));
      IntVector last = m8.max(m10).max(m12.max(m14));
      largest[run] = Float.intBitsToFloat(first.max(last).reduceLanes(VectorOperators.MAX));
    }
  }
}

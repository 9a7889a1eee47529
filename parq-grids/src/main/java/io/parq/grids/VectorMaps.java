package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The maps of {@link VectorKernels} onto uniform grids. They write native memory, where weights
 * lie: stores between other work cost less than a copy.
 */
final class VectorMaps {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();
  private static final int PAIR = 2 * LANES;

  /** The longest of several blocks that one loop runs over. */
  private static final int LONGEST_OF_RUN = 256;

  /** Blocks that one loop runs over. */
  static final int RUN = 64;

  private static final float LEAST_SCALE = 2 * Float.MIN_NORMAL;
  private static final float LARGEST_SCALE = 0.5f / Float.MIN_NORMAL;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private VectorMaps() {}

  /**
   * Blocks of one length are one run if a shift tells them apart and vectors do not straddle them:
   * loops of a few rounds each would cost more than what they do.
   *
   * @return how many values the loops take at a time
   */
  private static int part(UniformGrid grid, int size) {
    boolean isRun = size <= LONGEST_OF_RUN && size % PAIR == 0 && (size & (size - 1)) == 0;
    return isRun && !grid.hasOffset() && !grid.hasZeroPoint() ? size * RUN : size;
  }

  /** Where the compiler has seen this it looks no more at what memory there is in each turn. */
  private static void checkNative(MemorySegment q) {
    if (!q.isNative()) {
      throw new IllegalArgumentException("memory on the heap, expected native memory");
    }
  }

  /**
   * Whether scales have reciprocals, written from index 0, and exact halves, all of them normal.
   */
  private static boolean invert(float[] scales, int block, int blocks, float[] reciprocals) {
    boolean isNormal = true;
    int whole = blocks - blocks % LANES;
    for (int i = 0; i < whole; i += LANES) {
      FloatVector scale = FloatVector.fromArray(FLOATS, scales, block + i);
      isNormal &= scale.compare(VectorOperators.GE, LEAST_SCALE).allTrue();
      isNormal &= scale.compare(VectorOperators.LE, LARGEST_SCALE).allTrue();
      FloatVector.broadcast(FLOATS, 1f).div(scale).intoArray(reciprocals, i);
    }
    for (int i = whole; i < blocks; i++) {
      float scale = scales[block + i];
      isNormal &= scale >= LEAST_SCALE && scale <= LARGEST_SCALE;
      reciprocals[i] = 1f / scale;
    }
    return isNormal;
  }

  static void nearest(
      ScalarKernels scalar,
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment q,
      long at) {
    int size = l.layout().blockLength();
    int part = part(grid, size);
    float[] reciprocals = Scratch.own().reciprocals;
    int b = block;
    for (int done = 0; done < length; done += part, b += part / size) {
      int n = Math.min(part, length - done);
      int whole = n - n % (part == size ? LANES : PAIR);
      int start = from + done;
      long to = at + done;
      if (grid.divides()) {
        nearestByDivision(grid, l, b, x, start, whole, q, to);
      } else if (!invert(l.scales, b, (n - 1) / size + 1, reciprocals)) {
        whole = 0;
      } else if (part == size) {
        nearestInBlock(grid, l, b, x, start, whole, q, to);
      } else {
        int log = Integer.numberOfTrailingZeros(size);
        nearestInRun(grid, l, reciprocals, b, log, x, start, whole, q, to);
      }
      if (whole < n) {
        int last = b + whole / size;
        scalar.nearest(grid, l, last, x, start + whole, n - whole, q, to + whole);
      }
    }
  }

  private static void nearestInBlock(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment q,
      long at) {
    checkNative(q);
    float shift = grid.shift();
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float scale = l.scales[block];
    float reciprocal = 1f / scale;
    for (int i = 0; i < length; i += LANES) {
      FloatVector u = FloatVector.fromArray(FLOATS, x, from + i).mul(reciprocal).sub(shift);
      u.blend(least, u.compare(VectorOperators.LT, least))
          .blend(most, u.compare(VectorOperators.GT, most))
          .add(BlockKernels.ROUND)
          .sub(BlockKernels.ROUND)
          .fma(scale, shift * scale)
          .intoMemorySegment(q, 4 * (at + i), ORDER);
    }
  }

  /** The same of blocks of 2^log values, at least two vectors. */
  private static void nearestInRun(
      UniformGrid grid,
      Lattice l,
      float[] reciprocals,
      int block,
      int log,
      float[] x,
      int from,
      int length,
      MemorySegment q,
      long at) {
    checkNative(q);
    float shift = grid.shift();
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float[] scales = l.scales;
    for (int pair = 0; pair < length; pair += PAIR) {
      float scale = scales[block + (pair >> log)];
      float reciprocal = reciprocals[pair >> log];
      FloatVector u = FloatVector.fromArray(FLOATS, x, from + pair).mul(reciprocal).sub(shift);
      u.blend(least, u.compare(VectorOperators.LT, least))
          .blend(most, u.compare(VectorOperators.GT, most))
          .add(BlockKernels.ROUND)
          .sub(BlockKernels.ROUND)
          .fma(scale, shift * scale)
          .intoMemorySegment(q, 4 * (at + pair), ORDER);
      FloatVector u2 =
          FloatVector.fromArray(FLOATS, x, from + pair + LANES).mul(reciprocal).sub(shift);
      u2.blend(least, u2.compare(VectorOperators.LT, least))
          .blend(most, u2.compare(VectorOperators.GT, most))
          .add(BlockKernels.ROUND)
          .sub(BlockKernels.ROUND)
          .fma(scale, shift * scale)
          .intoMemorySegment(q, 4 * (at + pair + LANES), ORDER);
    }
  }

  private static void nearestByDivision(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment q,
      long at) {
    checkNative(q);
    float scale = l.scales[block];
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float origin = grid.origin(l, block);
    float fraction = grid.fraction();
    float shift = grid.shift();
    float offset = l.offset(block);
    for (int i = 0; i < length; i += LANES) {
      FloatVector d = FloatVector.fromArray(FLOATS, x, from + i).sub(origin);
      FloatVector u = d.div(scale).sub(fraction);
      FloatVector atLeast = u.blend(least, u.compare(VectorOperators.LT, least));
      FloatVector k = atLeast.blend(most, u.compare(VectorOperators.GT, most));
      k.add(BlockKernels.ROUND)
          .sub(BlockKernels.ROUND)
          .add(shift)
          .mul(scale)
          .add(offset)
          .intoMemorySegment(q, 4 * (at + i), ORDER);
    }
  }

  static void interval(
      ScalarKernels scalar,
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper,
      int at) {
    int size = l.layout().blockLength();
    float shift = grid.shift();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      int start = from + done;
      int to = at + done;
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
        low.add(shift).mul(scale).intoArray(lower, to + i);
        high.add(shift).mul(scale).intoArray(upper, to + i);
      }
      if (i < n) {
        scalar.intervalInBlock(grid, l, b, x, start + i, n - i, lower, upper, to + i);
      }
    }
  }

  /**
   * Finds the interval of a value by rounding its quotient, which near a level may give the one on
   * its other side: slopes are such that either gives the level. Beyond the end levels the outer
   * intervals give those.
   */
  static void piecewise(
      ScalarKernels scalar,
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float slope,
      MemorySegment q,
      long at) {
    int size = l.layout().blockLength();
    int part = part(grid, size);
    float[] reciprocals = Scratch.own().reciprocals;
    int b = block;
    for (int done = 0; done < length; done += part, b += part / size) {
      int n = Math.min(part, length - done);
      int whole = n - n % (part == size ? LANES : PAIR);
      int start = from + done;
      long to = at + done;
      if (!invert(l.scales, b, (n - 1) / size + 1, reciprocals)) {
        whole = 0;
      } else if (part == size) {
        piecewiseInBlock(grid, l, b, x, start, whole, slope, q, to);
      } else {
        int log = Integer.numberOfTrailingZeros(size);
        piecewiseInRun(grid, l, reciprocals, b, log, x, start, whole, slope, q, to);
      }
      if (whole < n) {
        int last = b + whole / size;
        scalar.piecewise(grid, l, last, x, start + whole, n - whole, slope, q, to + whole);
      }
    }
  }

  /** Codes are clamped as the integers that their floats' bits are, which also takes NaN in. */
  private static void piecewiseInBlock(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float slope,
      MemorySegment q,
      long at) {
    checkNative(q);
    float shift = grid.shift();
    int least = Float.floatToRawIntBits(BlockKernels.ROUND + grid.least(l, block) + 1f);
    int most = Float.floatToRawIntBits(BlockKernels.ROUND + grid.most(l, block));
    float scale = l.scales[block];
    float reciprocal = 1f / scale;
    for (int i = 0; i < length; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      IntVector codes =
          v.fma(reciprocal, 0.5f - shift)
              .add(BlockKernels.ROUND)
              .reinterpretAsInts()
              .max(least)
              .min(most);
      FloatVector k = codes.reinterpretAsFloats().sub(BlockKernels.ROUND);
      FloatVector low = k.fma(scale, (shift - 1f) * scale);
      FloatVector high = k.fma(scale, shift * scale);
      FloatVector centre = low.add(high).mul(0.5f);
      FloatVector moved = centre.add(v.sub(centre).div(slope));
      moved
          .blend(low, moved.compare(VectorOperators.LT, low))
          .blend(high, moved.compare(VectorOperators.GT, high))
          .intoMemorySegment(q, 4 * (at + i), ORDER);
    }
  }

  /**
   * The same of blocks of 2^log values, at least two vectors: both written out, which is faster
   * than a loop.
   */
  private static void piecewiseInRun(
      UniformGrid grid,
      Lattice l,
      float[] reciprocals,
      int block,
      int log,
      float[] x,
      int from,
      int length,
      float slope,
      MemorySegment q,
      long at) {
    checkNative(q);
    float shift = grid.shift();
    int least = Float.floatToRawIntBits(BlockKernels.ROUND + grid.least(l, block) + 1f);
    int most = Float.floatToRawIntBits(BlockKernels.ROUND + grid.most(l, block));
    float[] scales = l.scales;
    for (int pair = 0; pair < length; pair += PAIR) {
      float scale = scales[block + (pair >> log)];
      float reciprocal = reciprocals[pair >> log];
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + pair);
      IntVector codes =
          v.fma(reciprocal, 0.5f - shift)
              .add(BlockKernels.ROUND)
              .reinterpretAsInts()
              .max(least)
              .min(most);
      FloatVector k = codes.reinterpretAsFloats().sub(BlockKernels.ROUND);
      FloatVector low = k.fma(scale, (shift - 1f) * scale);
      FloatVector high = k.fma(scale, shift * scale);
      FloatVector centre = low.add(high).mul(0.5f);
      FloatVector moved = centre.add(v.sub(centre).div(slope));
      moved
          .blend(low, moved.compare(VectorOperators.LT, low))
          .blend(high, moved.compare(VectorOperators.GT, high))
          .intoMemorySegment(q, 4 * (at + pair), ORDER);
      FloatVector v2 = FloatVector.fromArray(FLOATS, x, from + pair + LANES);
      IntVector codes2 =
          v2.fma(reciprocal, 0.5f - shift)
              .add(BlockKernels.ROUND)
              .reinterpretAsInts()
              .max(least)
              .min(most);
      FloatVector k2 = codes2.reinterpretAsFloats().sub(BlockKernels.ROUND);
      FloatVector low2 = k2.fma(scale, (shift - 1f) * scale);
      FloatVector high2 = k2.fma(scale, shift * scale);
      FloatVector centre2 = low2.add(high2).mul(0.5f);
      FloatVector moved2 = centre2.add(v2.sub(centre2).div(slope));
      moved2
          .blend(low2, moved2.compare(VectorOperators.LT, low2))
          .blend(high2, moved2.compare(VectorOperators.GT, high2))
          .intoMemorySegment(q, 4 * (at + pair + LANES), ORDER);
    }
  }
}

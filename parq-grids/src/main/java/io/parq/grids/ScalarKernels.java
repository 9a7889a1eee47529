package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Plain loops, and the last elements of the vector ones. */
final class ScalarKernels implements BlockKernels {
  @Override
  public float absMax(float[] x, int from, int length, float centre) {
    int largest = 0; // magnitudes order as their bits do, NaN above infinity
    for (int i = from; i < from + length; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(x[i] - centre) & 0x7fffffff);
    }
    return Float.intBitsToFloat(largest);
  }

  @Override
  public float min(float[] x, int from, int length) {
    float least = x[from];
    for (int i = from + 1; i < from + length; i++) {
      least = Math.min(least, x[i]);
    }
    return least;
  }

  @Override
  public float max(float[] x, int from, int length) {
    float most = x[from];
    for (int i = from + 1; i < from + length; i++) {
      most = Math.max(most, x[i]);
    }
    return most;
  }

  @Override
  public double sum(float[] x, int from, int length) {
    return ScalarSums.sum(x, from, length);
  }

  @Override
  public double sumAbs(float[] x, int from, int length, float centre) {
    return ScalarSums.sumAbs(x, from, length, centre);
  }

  @Override
  public void magnitudes(
      float[] x, int from, int blocks, int size, float[] largest, double[] sums) {
    for (int block = 0; block < blocks; block++) {
      int start = from + block * size;
      largest[block] = absMax(x, start, size, 0f);
      sums[block] = ScalarSums.magnitudes(x, start, size);
    }
  }

  @Override
  public double sumFrom(float[] x, int length, float least) {
    return ScalarSums.sumFrom(x, length, least);
  }

  @Override
  public void tally(
      float[] x, int from, int length, float[] cuts, int first, float[] sums, int[] counts) {
    for (int cut = first; cut < first + BOUNDS; cut++) {
      float sum = 0;
      int count = 0;
      for (int i = from; i < from + length; i++) {
        boolean isAbove = x[i] >= cuts[cut];
        sum += isAbove ? x[i] : 0f;
        count += isAbove ? 1 : 0;
      }
      sums[cut] = sum;
      counts[cut] += count;
    }
  }

  @Override
  public int select(float[] x, int length, float low, float high, float[] out) {
    return select(x, 0, length, low, high, out, 0);
  }

  int select(float[] x, int from, int to, float low, float high, float[] out, int found) {
    int next = found;
    for (int i = from; i < to; i++) {
      float v = x[i];
      if (v >= low && v < high) {
        out[next++] = v;
      }
    }
    return next;
  }

  @Override
  public void subtractSigned(float[] x, int length, float v) {
    for (int i = 0; i < length; i++) {
      x[i] -= x[i] >= 0 ? v : -v;
    }
  }

  private static float round(float u, float least, float most) {
    return Math.min(Math.max(u, least), most) + ROUND - ROUND;
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
    float[] own = Scratch.own().values(length);
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      nearestInBlock(grid, l, b, x, from + done, n, own, done);
    }
    MemorySegment.copy(own, 0, q, ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at, length);
  }

  void nearestInBlock(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, float[] q, int at) {
    float scale = l.scales[block];
    float reciprocal = grid.reciprocal(scale);
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float origin = grid.origin(l, block);
    float fraction = grid.fraction();
    float shift = grid.shift();
    float offset = l.offset(block);
    if (reciprocal != 0f) { // two loops, for the compiler makes vectors of neither condition
      for (int i = 0; i < length; i++) {
        float u = (x[from + i] - origin) * reciprocal - fraction;
        q[at + i] = (round(u, least, most) + shift) * scale + offset;
      }
    } else {
      for (int i = 0; i < length; i++) {
        float u = (x[from + i] - origin) / scale - fraction;
        q[at + i] = (round(u, least, most) + shift) * scale + offset;
      }
    }
  }

  @Override
  public void codes(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, byte[] out, int at) {
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      codesInBlock(grid, l, b, x, from + done, n, out, at + done);
    }
  }

  void codesInBlock(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, byte[] out, int at) {
    float scale = l.scales[block];
    float reciprocal = grid.reciprocal(scale);
    float zeroPoint = l.zeroPoint(block);
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float origin = grid.origin(l, block);
    float fraction = grid.fraction();
    for (int i = 0; i < length; i++) {
      float d = x[from + i] - origin;
      float u = (reciprocal != 0f ? d * reciprocal : d / scale) - fraction;
      out[at + i] = (byte) (int) (round(u, least, most) + zeroPoint);
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
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      intervalInBlock(grid, l, b, x, from + done, n, lower, upper, at + done);
    }
  }

  void intervalInBlock(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper,
      int at) {
    float scale = l.scales[block];
    float reciprocal = grid.reciprocal(scale);
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float shift = grid.shift();
    float divisor = reciprocal != 0f ? 1f : scale;
    float factor = reciprocal != 0f ? reciprocal : 1f;
    for (int i = 0; i < length; i++) {
      float v = x[from + i];
      float k = round(v * factor / divisor - shift, least, most);
      float above = above(v, (k + shift) * scale);
      lower[at + i] = (Math.max(k + above - 1, least) + shift) * scale;
      upper[at + i] = (Math.min(k + above, most) + shift) * scale;
    }
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
    float[] own = Scratch.own().values(length);
    int size = l.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      int n = Math.min(size, length - done);
      piecewiseInBlock(grid, l, b, x, from + done, n, slope, own, done);
    }
    MemorySegment.copy(own, 0, q, ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at, length);
  }

  void piecewiseInBlock(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float slope,
      float[] q,
      int at) {
    float scale = l.scales[block];
    float reciprocal = grid.reciprocal(scale);
    float least = grid.least(l, block);
    float most = grid.most(l, block);
    float shift = grid.shift();
    float divisor = reciprocal != 0f ? 1f : scale;
    float factor = reciprocal != 0f ? reciprocal : 1f;
    for (int i = 0; i < length; i++) {
      float v = x[from + i];
      float k = round(v * factor / divisor - shift, least, most);
      float above = above(v, (k + shift) * scale);
      float lower = (Math.max(k + above - 1, least) + shift) * scale;
      float upper = (Math.min(k + above, most) + shift) * scale;
      q[at + i] = between(v, lower, upper, slope);
    }
  }

  /** 1 above a level and 0 elsewhere, without a branch: any difference grows past 1. */
  private static float above(float x, float level) {
    return Math.min(Math.max((x - level) * HUGE * HUGE, 0f), 1f);
  }

  private static float between(float x, float lower, float upper, float slope) {
    float centre = (lower + upper) / 2;
    return Math.min(Math.max(centre + (x - centre) / slope, lower), upper);
  }

  @Override
  public void piecewise(
      float[] x, int from, int length, float slope, float[] lower, float[] upper, int at) {
    for (int i = 0; i < length; i++) {
      upper[at + i] = between(x[from + i], lower[at + i], upper[at + i], slope);
    }
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
    for (int i = 0; i < length; i++) {
      float v = x[from + i];
      q[at + i] = Float.isNaN(v) ? Float.NaN : levels[index(thresholds, count, v)];
    }
  }

  @Override
  public void searchCodes(
      float[] thresholds, int count, float[] x, int from, int length, byte[] out, int at) {
    for (int i = 0; i < length; i++) {
      out[at + i] = (byte) index(thresholds, count, x[from + i]);
    }
  }

  /** How many thresholds v reaches. */
  private static int index(float[] thresholds, int count, float v) {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (v >= thresholds[middle]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
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
    for (int i = 0; i < length; i++) {
      int low = 0;
      int high = count;
      while (low < high) {
        int middle = (low + high) >>> 1;
        if (x[from + i] > levels[middle]) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      lower[at + i] = levels[Math.max(low - 1, 0)];
      upper[at + i] = levels[Math.min(low, count - 1)];
    }
  }
}

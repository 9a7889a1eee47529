package io.parq.grids;

import java.lang.foreign.MemorySegment;

/**
 * The loops over a block's values. All implementations give the same bits: they share the order of
 * operations. Sums are kept in double precision, most of them in sixteen lanes: lane j adds
 * elements j, j + 16, ...; with {@code p(j) = (j + (j+8)) + ((j+4) + (j+12))} of lanes the sum is
 * {@code (p(0) + p(2)) + (p(1) + p(3))}, to which what is left beyond a multiple of sixteen is
 * added one by one. PyTorch's cascaded single-precision sums are a few units in the last place off.
 *
 * <p>Maps take a part of one block, or whole blocks from {@code block} on.
 */
interface BlockKernels {
  /** Adding and subtracting it rounds floats up to 2^22 in magnitude to integers, ties to even. */
  float ROUND = 0x1.8p23f;

  float HUGE = 0x1p126f;

  /** Lanes of a sum. */
  int SUM_LANES = 16;

  /** Values whose magnitudes are added in single precision. */
  int SHORT_RUN = 32;

  /** The same in blocks of some of these and less than a short run more. */
  int LONG_RUN = 128;

  /** Bounds that are tallied at a time. */
  int BOUNDS = 4;

  /** The largest magnitude of {@code x - centre}; NaN if any value is. */
  float absMax(float[] x, int from, int length, float centre);

  /** The smallest value of at least one; NaN if any value is. */
  float min(float[] x, int from, int length);

  /** The largest value of at least one; NaN if any value is. */
  float max(float[] x, int from, int length);

  double sum(float[] x, int from, int length);

  /** The sum of {@code |x - centre|}. */
  double sumAbs(float[] x, int from, int length, float centre);

  /** How many magnitudes of a block are added in single precision. */
  static int run(int size) {
    return size % LONG_RUN < SHORT_RUN ? LONG_RUN : SHORT_RUN;
  }

  /**
   * For each block the largest magnitude, as {@link #absMax}, and the sum of the magnitudes. In a
   * run of them every sixteenth are added two by two in single precision, since widening all would
   * take longer than the rest: {@code |x(j)| + |x(j + 16)|}, in a long run the pairs {@code (p(j) +
   * p(j + 32)) + (p(j + 64) + p(j + 96))} of these. Of the sixteen sums {@code (s(j) + s(j + 8)) +
   * (s(j + 4) + s(j + 12))} is every fourth, still in single precision, and {@code (f(0) + f(2)) +
   * (f(1) + f(3))} the run in double precision. Runs and then what is left are added one by one.
   *
   * @param size values in a block
   * @param largest overwritten from index 0
   * @param sums overwritten from index 0
   */
  void magnitudes(float[] x, int from, int blocks, int size, float[] largest, double[] sums);

  /** The sum of values that are not below a bound, the others counting as 0. */
  double sumFrom(float[] x, int length, float least);

  /**
   * Counts and sums the values that are not below each of four bounds.
   *
   * @param first index of the first of them, and of what is found
   * @param sums overwritten; single precision, in any order
   * @param counts added to
   */
  void tally(float[] x, int from, int length, float[] cuts, int first, float[] sums, int[] counts);

  /**
   * Picks the values of {@code low <= x < high}, in their order.
   *
   * @param out receives them; as long as x at least, or x itself
   * @return how many
   */
  int select(float[] x, int length, float low, float high, float[] out);

  /** Subtracts v from values of at least zero, and adds it to the others. */
  void subtractSigned(float[] x, int length, float v);

  /** {@link Grid#nearest} of a uniform grid. */
  void nearest(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment q,
      long at);

  /** {@link Grid#interval} of a uniform grid without offset. */
  void interval(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper,
      int at);

  /** {@link Lattice#piecewise} on a uniform grid, where {@link UniformGrid#isPiecewise}. */
  void piecewise(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float slope,
      MemorySegment q,
      long at);

  /**
   * {@link Lattice#piecewise} between levels that were found.
   *
   * @param upper receives the result; modified
   * @param at index of the first of the levels
   */
  void piecewise(
      float[] x, int from, int length, float slope, float[] lower, float[] upper, int at);

  /** {@link Grid#codes} of a uniform grid. */
  void codes(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, byte[] out, int at);

  /** {@link Grid#values} of a uniform grid. */
  default void values(
      UniformGrid grid,
      Lattice l,
      int block,
      byte[] codes,
      int codesFrom,
      int length,
      float[] out,
      int from) {
    AffineBlocks blocks =
        new AffineBlocks(
            l.layout().blockLength(), l.scales, l.zeroPoints(), grid.shift(), l.offsets());
    values(blocks, block, codes, codesFrom, length, out, from);
  }

  /** {@link AffineBlocks#values}; a loop that compilers make vectors of where blocks are long. */
  default void values(
      AffineBlocks blocks,
      int block,
      byte[] codes,
      int codesFrom,
      int length,
      float[] out,
      int from) {
    float[] scales = blocks.scales();
    float[] zeroPoints = blocks.zeroPoints();
    float[] offsets = blocks.offsets();
    float shift = blocks.shift();
    for (int done = 0, b = block; done < length; b++) {
      int end = done + Math.min(blocks.size(), length - done);
      float zeroPoint = zeroPoints == null ? 0f : zeroPoints[b];
      float scale = scales[b];
      float offset = offsets == null ? 0f : offsets[b];
      for (; done < end; done++) {
        out[from + done] = (codes[codesFrom + done] - zeroPoint + shift) * scale + offset;
      }
    }
  }

  /**
   * Looks values up among ascending levels: the i-th if x is not below threshold i - 1 but below
   * the next. NaN stays NaN.
   *
   * @param count number of levels; there is one threshold less, and they ascend too
   */
  void search(
      float[] levels,
      float[] thresholds,
      int count,
      float[] x,
      int from,
      int length,
      float[] q,
      int at);

  /** The same, for the index of the level; 0 for NaN. */
  void searchCodes(
      float[] thresholds, int count, float[] x, int from, int length, byte[] out, int at);

  /** {@link Lattice#interval} among ascending levels. */
  void searchInterval(
      float[] levels,
      int count,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper,
      int at);

  default double mean(float[] x, int from, int length) {
    return sum(x, from, length) / length;
  }

  default double meanAbs(float[] x, int from, int length, float centre) {
    return sumAbs(x, from, length, centre) / length;
  }
}

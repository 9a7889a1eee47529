package io.parq.grids;

/**
 * Fits uniform grids to many blocks at a time, by their largest magnitudes and the means of their
 * magnitudes: block by block, short ones would cost more than their values.
 */
final class MagnitudeFit {
  private static final int MOST_BLOCKS = 256;

  private final float[] largest = new float[MOST_BLOCKS];
  private final double[] sums = new double[MOST_BLOCKS];
  private final float[] scales = new float[MOST_BLOCKS];

  /** {@link Lattice#fitBlocks}, where {@link UniformGrid#fitsMagnitudes}. */
  static void fit(UniformGrid grid, Lattice out, int block, float[] x, int from, int blocks) {
    MagnitudeFit own = Scratch.own().magnitudes;
    int size = out.layout().blockLength();
    for (int done = 0; done < blocks; done += MOST_BLOCKS) {
      int start = from + done * size;
      own.fitSome(grid, out, block + done, x, start, Math.min(MOST_BLOCKS, blocks - done));
    }
  }

  private void fitSome(UniformGrid grid, Lattice out, int block, float[] x, int from, int blocks) {
    int size = out.layout().blockLength();
    Lattice.KERNELS.magnitudes(x, from, blocks, size, largest, sums);
    for (int i = 0; i < blocks; i++) {
      if (!(largest[i] < Float.POSITIVE_INFINITY)) {
        Lattice.checkFinite(x, from + i * size, size, out.layout().start(block + i));
      }
    }
    grid.scale(this, blocks, size);
    if (out.scaleType() == ScaleType.FP32) { // nothing to round, one by one
      System.arraycopy(scales, 0, out.scales, block, blocks);
      return;
    }
    for (int i = 0; i < blocks; i++) {
      out.setScale(block + i, scales[i]);
    }
  }

  /** The scale, not rounded, of a block whose largest magnitude and sum of them are known. */
  static float scale(UniformGrid grid, float largest, double sum, int size) {
    MagnitudeFit own = Scratch.own().magnitudes;
    own.largest[0] = largest;
    own.sums[0] = sum;
    grid.scale(own, 1, size);
    return own.scales[0];
  }

  /**
   * Scales all blocks by one rule.
   *
   * @param toMax whether the largest magnitude is the limit; else the smaller of it and of the mean
   *     times bits
   * @param range what limits are divided by
   * @param least of the scales
   */
  void scale(int blocks, int size, boolean toMax, double bits, double range, double least) {
    double share = bits / (double) size;
    double inverse = 1 / range;
    for (int i = 0; i < blocks; i++) {
      double limit = toMax ? largest[i] : Math.min(sums[i] * share, largest[i]);
      scales[i] = (float) Math.max(limit * inverse, least);
    }
  }
}

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
    for (int i = 0; i < blocks; i++) {
      scales[i] = grid.scale(largest[i], sums[i] / size);
    }
    if (out.scaleType() == ScaleType.FP32) { // nothing to round, one by one
      System.arraycopy(scales, 0, out.scales, block, blocks);
      return;
    }
    for (int i = 0; i < blocks; i++) {
      out.setScale(block + i, scales[i]);
    }
  }
}

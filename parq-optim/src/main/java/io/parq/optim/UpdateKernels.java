package io.parq.optim;

import io.parq.grids.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;

/**
 * The loops over a tile's elements. All implementations give the same bits. The memory of weights
 * and gradients may be of any kind.
 */
interface UpdateKernels {
  /** Lanes of a sum of squares. */
  int SQUARES = 8;

  /** Updates latents, or weights where there are none, and both moments. */
  void adam(AdamUpdate c, Tile t);

  /**
   * As {@link #adam}, with moments in bfloat16.
   *
   * @param first from index 0, like {@code second}; modified
   */
  void adam(AdamUpdate c, Tile t, short[] first, short[] second);

  /** Updates latents, or weights where there are none, and the momentum if there is one. */
  void sgd(Sgd.Coefficients c, Tile t);

  /** Whether a run of floats holds neither NaN nor infinity. */
  boolean isFinite(Tile t, MemorySegment memory, long start, int length);

  /** {@link DynamicMap#decode}. */
  void decode(DynamicMap map, byte[] codes, float scale, float[] x, int from, int length);

  /**
   * {@link DynamicMap#encode}.
   *
   * @param indices scratch for {@link Moments#BLOCK} of them
   */
  void encode(
      DynamicMap map, float[] x, float scale, byte[] codes, int from, int length, int[] indices);

  /** The largest magnitude; NaN if any value is. */
  float absMax(float[] x, int from, int length);

  /**
   * The sum of squares, in double precision. Lane j of eight adds elements j, j + 8, ...; then
   * {@code ((0+4)+(2+6)) + ((1+5)+(3+7))}, then the rest one by one.
   *
   * @param lanes scratch for {@link #SQUARES} of them
   */
  double sumOfSquares(float[] x, int length, double[] lanes);

  /** The chosen ones. */
  final class Best {
    static final UpdateKernels KERNELS =
        Kernels.choose(
            MethodHandles.lookup(), UpdateKernels.class, new ScalarUpdates(), "VectorUpdates");

    private Best() {}
  }
}

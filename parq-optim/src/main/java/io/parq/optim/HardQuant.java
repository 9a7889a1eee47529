package io.parq.optim;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;

/**
 * Rounds to the nearest level at every step. With latents kept by {@link QuantOptimizer} this is
 * training with the straight-through estimator.
 *
 * <p>Source: torchao {@code ProxHardQuant}.
 */
public record HardQuant() implements ProxMap {
  @Override
  public void apply(
      long step,
      Lattice lattice,
      int block,
      float[] x,
      int from,
      int length,
      MemorySegment w,
      long at,
      float[] lower,
      float[] upper) {
    lattice.nearest(block, x, from, length, w, at);
  }

  @Override
  public long annealEnd() {
    return 0;
  }

  @Override
  public String toString() {
    return "hard";
  }
}

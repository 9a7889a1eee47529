package io.parq.optim;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;

/**
 * The weighted mean of a value and its nearest level, whose weight theta rises linearly from 0 at
 * {@code annealStart} to 1 at {@code annealEnd}:
 *
 * <pre>
 * w = (1 - theta) * x + theta * nearest(x)
 * </pre>
 *
 * Before the window it is the identity, after it it rounds to the nearest level. Values beyond the
 * end levels are pulled in gradually too.
 *
 * <p>Source: Yin et al., BinaryRelax (arXiv 1801.06313); torchao {@code ProxBinaryRelax}.
 *
 * @param annealStart first step of the window, at least 0
 * @param annealEnd first step after it, above the start
 */
public record BinaryRelax(long annealStart, long annealEnd) implements ProxMap {
  /** Checks the window. */
  public BinaryRelax {
    Checks.window("binary-relax", annealStart, annealEnd);
  }

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
    if (step < annealStart) {
      Floats.store(x, from, length, w, at);
      return;
    }
    lattice.nearest(block, x, from, length, w, at);
    if (step >= annealEnd) {
      return;
    }
    double theta = (double) (step - annealStart) / (annealEnd - annealStart);
    float own = (float) (1 - theta);
    float level = (float) theta;
    Floats.load(w, at, upper, 0, length);
    // No kernel of its own: the compiler makes vectors of this loop.
    for (int i = 0; i < length; i++) {
      upper[i] = x[from + i] * own + level * upper[i];
    }
    Floats.store(upper, 0, length, w, at);
  }

  @Override
  public String toString() {
    return "binary-relax:%d:%d".formatted(annealStart, annealEnd);
  }
}

package io.parq.optim;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;

/**
 * The piecewise-affine map: between two neighbouring levels the value moves away from their
 * midpoint by a growing factor, until it reaches a level,
 *
 * <pre>
 * w = clamp(centre + (x - centre) / inverseSlope, lower, upper),   centre = (lower + upper) / 2
 * </pre>
 *
 * and beyond the end levels it goes to the end level. Before {@code annealStart} it is the
 * identity, from {@code annealEnd} on it rounds to the nearest level. In between the inverse slope
 * falls as a mirrored sigmoid of the elapsed fraction f, normalized to run from 1 to 0:
 *
 * <pre>
 * s(f) = 1 / (1 + exp(steepness * (f - annealCenter)))
 * inverseSlope = (s(f) - s(1)) / (s(0) - s(1)),   at least the smallest normal float
 * </pre>
 *
 * The reference normalizes as if the centre were 0.5 always, so that its curve starts away from 1
 * for other centres; at 0.5 the two are equal.
 *
 * <p>Source: Jin et al., PARQ (arXiv 2503.15748); torchao {@code ProxPARQ}.
 *
 * @param annealStart first step of the window, at least 0
 * @param annealEnd first step after it, above the start
 * @param steepness of the sigmoid, above 0; almost linear below 1
 * @param annealCenter fraction of the window at which the sigmoid is steepest, 0 to 1
 */
public record Parq(long annealStart, long annealEnd, double steepness, double annealCenter)
    implements ProxMap {
  /** Checks the ranges. */
  public Parq {
    Checks.window("parq", annealStart, annealEnd);
    Checks.positive("parq steepness", steepness);
    Checks.unit("parq anneal center", annealCenter);
    if (sigmoid(0, steepness, annealCenter) <= sigmoid(1, steepness, annealCenter)) {
      throw new IllegalArgumentException(
          "parq steepness " + steepness + " is flat in double precision, expected above 1e-15");
    }
  }

  private static double sigmoid(double fraction, double steepness, double center) {
    return 1 / (1 + StrictMath.exp(steepness * (fraction - center)));
  }

  @Override
  public double inverseSlope(long step) {
    if (step < annealStart) {
      return 1;
    }
    if (step >= annealEnd) {
      return 0;
    }
    double fraction = (double) (step - annealStart) / (annealEnd - annealStart);
    double first = sigmoid(0, steepness, annealCenter);
    double last = sigmoid(1, steepness, annealCenter);
    double slope = (sigmoid(fraction, steepness, annealCenter) - last) / (first - last);
    return Math.max(Float.MIN_NORMAL, slope);
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
    if (step >= annealEnd) {
      lattice.nearest(block, x, from, length, w, at);
      return;
    }
    float slope = (float) inverseSlope(step);
    lattice.piecewise(block, x, from, length, slope, w, at, lower, upper);
  }

  @Override
  public String toString() {
    return "parq:%d:%d:%s:%s".formatted(annealStart, annealEnd, steepness, annealCenter);
  }
}

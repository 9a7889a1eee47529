package io.parq.optim;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;

/**
 * A smooth staircase: between two neighbouring levels the value follows a sigmoid that is
 * normalized to meet both levels and that grows steeper with the temperature t,
 *
 * <pre>
 * f = (clamp(x, lower, upper) - lower) / (upper - lower)
 * s = 1 / (1 + exp(-t * (f - 0.5)))
 * w = (lower + upper) / 2 + (upper - lower) / 2 * (s - 0.5) / (1 / (1 + exp(-t / 2)) - 0.5)
 * t = tStart + fraction^tPower * (tEnd - tStart),   fraction of the window that has passed
 * </pre>
 *
 * and beyond the end levels it is the end level. Before the window it is the identity, after it it
 * rounds to the nearest level. It is computed in double precision and rounded once; the reference
 * computes it in single precision, where the temperature magnifies the rounding of f, and adds
 * 1e-12 to the distance of the levels, which then need not be fixed points.
 *
 * <p>Source: facebookresearch/parq {@code softquant.py}; Gong et al., Differentiable soft
 * quantization (arXiv 1908.05033).
 *
 * @param annealStart first step of the window, at least 0
 * @param annealEnd first step after it, above the start
 * @param tStart temperature at the window's start, above 0
 * @param tEnd temperature at its end, above the start's
 * @param tPower exponent of the elapsed fraction, above 0
 */
public record SoftQuant(long annealStart, long annealEnd, double tStart, double tEnd, double tPower)
    implements ProxMap {
  /** Checks the ranges. */
  public SoftQuant {
    Checks.window("soft-quant", annealStart, annealEnd);
    Checks.positive("soft-quant tStart", tStart);
    Checks.positive("soft-quant tEnd", tEnd);
    Checks.positive("soft-quant tPower", tPower);
    if (tEnd <= tStart) {
      throw new IllegalArgumentException(
          "soft-quant tEnd %s, expected above tStart %s".formatted(tEnd, tStart));
    }
  }

  private double temperature(long step) {
    double fraction = (double) (step - annealStart) / (annealEnd - annealStart);
    return tStart + StrictMath.pow(fraction, tPower) * (tEnd - tStart);
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
    lattice.interval(block, x, from, length, lower, upper, 0);
    double temperature = temperature(step);
    double full = 1 / (1 + Math.exp(-0.5 * temperature)) - 0.5;
    for (int i = 0; i < length; i++) {
      double low = lower[i];
      double high = upper[i];
      double distance = high - low;
      double clamped = Math.min(Math.max(x[from + i], low), high);
      // Without a distance the difference is 0, or NaN, which must not get lost.
      double fraction = distance > 0 ? (clamped - low) / distance : 0.5 + (clamped - low);
      double rise = 1 / (1 + Math.exp(-temperature * (fraction - 0.5))) - 0.5;
      upper[i] = (float) ((high + low) / 2 + distance / 2 * (rise / full));
    }
    Floats.store(upper, 0, length, w, at);
  }

  @Override
  public String toString() {
    return "soft-quant:%d:%d:%s:%s:%s".formatted(annealStart, annealEnd, tStart, tEnd, tPower);
  }
}

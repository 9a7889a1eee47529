package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** What every proximal map promises, on lattices of every kind. */
abstract class ProxMapContract {
  static final int BLOCKS = 3;
  static final int LENGTH = 32;
  private static final int TRIES = 200;

  /** Some of the map's settings. */
  abstract Arbitrary<? extends ProxMap> someMaps();

  /** The first step of the annealing window. */
  abstract long start(ProxMap map);

  @Provide
  Arbitrary<? extends ProxMap> maps() {
    return someMaps();
  }

  /** A fitted lattice, and values inside and outside its range. */
  static final class Case {
    private final Lattice lattice;
    private final float[] x;

    Case(Lattice lattice, float[] x) {
      this.lattice = lattice;
      this.x = x;
    }

    Lattice lattice() {
      return lattice;
    }

    float[] x() {
      return x;
    }

    @Override
    public String toString() {
      return lattice.config() + " " + Arrays.toString(x);
    }
  }

  @Provide
  Arbitrary<Case> cases() {
    Arbitrary<String> grids =
        Arbitraries.of(
            "stretched:1",
            "stretched:2",
            "stretched:3",
            "symmetric:2",
            "symmetric:4",
            "asymmetric:4",
            "tinygemm",
            "ternary",
            "clipped:3:max:1.0:0.0",
            "lsbq-greedy:2",
            "lsbq-optimal-ternary",
            "nf4",
            "fp4",
            "stretched:2+centred");
    Arbitrary<Float> scales = Arbitraries.of(1e-6f, 0.02f, 1f, 1000f);
    return Combinators.combine(grids, scales, Arbitraries.longs())
        .as((grid, scale, seed) -> fitted(grid, scale, new Random(seed)));
  }

  private static Case fitted(String grid, float scale, Random random) {
    QuantConfig config = QuantConfig.parse(grid + " group:" + LENGTH + " fp32");
    Lattice lattice = Lattice.unfitted(config, 1, BLOCKS * LENGTH);
    float[] x = new float[BLOCKS * LENGTH];
    for (int i = 0; i < x.length; i++) {
      x[i] = scale * (float) random.nextGaussian();
    }
    lattice.fit(MemorySegment.ofArray(x));
    for (int i = 0; i < x.length; i++) {
      x[i] *= 1.3f;
    }
    return new Case(lattice, x);
  }

  static float[] apply(ProxMap map, long step, Lattice lattice, float... x) {
    return apply(map, step, lattice, 0, x, 0, x.length);
  }

  private static float[] apply(
      ProxMap map, long step, Lattice lattice, int block, float[] x, int from, int length) {
    float[] w = new float[length];
    float[] lower = new float[length];
    float[] upper = new float[length];
    Arrays.fill(lower, Float.NaN);
    Arrays.fill(upper, Float.NaN);
    MemorySegment memory = MemorySegment.ofArray(w);
    map.apply(step, lattice, block, x, from, length, memory, 0, lower, upper);
    return w;
  }

  static float[] nearest(Case c) {
    float[] q = new float[c.x.length];
    c.lattice.nearest(0, c.x, 0, q.length, MemorySegment.ofArray(q), 0);
    return q;
  }

  /** The unit in the last place of the largest level or value. */
  static float ulp(Case c) {
    float largest = 0;
    for (int block = 0; block < BLOCKS; block++) {
      for (float level : c.lattice.levels(block)) {
        largest = Math.max(largest, Math.abs(level));
      }
    }
    for (float v : c.x) {
      largest = Math.max(largest, Math.abs(v));
    }
    return Math.ulp(largest);
  }

  @Property(tries = TRIES)
  void movesTowardsTheNearestLevel(
      @ForAll("maps") ProxMap map, @ForAll("cases") Case c, @ForAll Random random) {
    long step = start(map) + random.nextLong(map.annealEnd() - start(map) + 3);
    float[] w = apply(map, step, c.lattice, c.x);
    float[] q = nearest(c);
    float[] lower = new float[q.length];
    float[] upper = new float[q.length];
    c.lattice.interval(0, c.x, 0, q.length, lower, upper, 0);
    float slack = 2 * ulp(c);
    for (int i = 0; i < w.length; i++) {
      boolean midway = Math.abs(c.x[i] - (lower[i] + upper[i]) / 2) <= slack;
      String at = "element " + i + " to " + w[i];
      if (!midway) {
        assertTrue(w[i] >= Math.min(c.x[i], q[i]) - slack, at);
        assertTrue(w[i] <= Math.max(c.x[i], q[i]) + slack, at);
      }
    }
  }

  @Property(tries = TRIES)
  void keepsLevels(@ForAll("maps") ProxMap map, @ForAll("cases") Case c, @ForAll Random random) {
    long step = random.nextLong(map.annealEnd() + 3);
    for (int block = 0; block < BLOCKS; block++) {
      float[] levels = c.lattice.levels(block);
      float[] w = apply(map, step, c.lattice, block, levels, 0, levels.length);
      assertArrayEquals(levels, w, 2 * ulp(c));
    }
  }

  @Property(tries = TRIES)
  void keepsTheOrder(@ForAll("maps") ProxMap map, @ForAll("cases") Case c, @ForAll Random random) {
    long step = random.nextLong(map.annealEnd() + 3);
    float[] sorted = Arrays.copyOf(c.x, LENGTH);
    Arrays.sort(sorted);
    float[] w = apply(map, step, c.lattice, sorted);
    float slack = 2 * ulp(c);
    for (int i = 1; i < w.length; i++) {
      assertTrue(w[i] >= w[i - 1] - slack, "element " + i);
    }
  }

  @Property(tries = TRIES)
  void isTheIdentityBeforeTheWindow(@ForAll("maps") ProxMap map, @ForAll("cases") Case c) {
    for (long step = Math.max(0, start(map) - 2); step < start(map); step++) {
      assertArrayEquals(c.x, apply(map, step, c.lattice, c.x), 0f);
    }
  }

  @Property(tries = TRIES)
  void roundsAfterTheWindow(@ForAll("maps") ProxMap map, @ForAll("cases") Case c) {
    float[] q = nearest(c);
    assertArrayEquals(q, apply(map, map.annealEnd(), c.lattice, c.x), 0f);
    assertArrayEquals(q, apply(map, map.annealEnd() + 1000, c.lattice, c.x), 0f);
  }

  @Property(tries = TRIES)
  void piecesGiveTheSameBits(
      @ForAll("maps") ProxMap map, @ForAll("cases") Case c, @ForAll Random random) {
    long step = random.nextLong(map.annealEnd() + 3);
    float[] whole = apply(map, step, c.lattice, c.x);
    int[] starts = {0, 1 + random.nextInt(LENGTH - 1), LENGTH, BLOCKS * LENGTH};
    for (int i = 0; i < starts.length - 1; i++) {
      int length = starts[i + 1] - starts[i];
      int block = starts[i] / LENGTH;
      float[] piece = apply(map, step, c.lattice, block, c.x, starts[i], length);
      assertArrayEquals(Arrays.copyOfRange(whole, starts[i], starts[i + 1]), piece, 0f);
    }
  }

  @Property(tries = TRIES)
  void nanStaysNan(@ForAll("maps") ProxMap map, @ForAll("cases") Case c) {
    c.x[3] = Float.NaN;
    for (long step : new long[] {start(map), map.annealEnd() - 1, map.annealEnd()}) {
      float[] w = apply(map, Math.max(0, step), c.lattice, c.x);
      assertTrue(Float.isNaN(w[3]), "step " + step);
      assertTrue(Float.isFinite(w[2]) && Float.isFinite(w[4]), "step " + step);
    }
  }

  @Property(tries = TRIES)
  void inverseSlopeFallsFromOneToZero(@ForAll("maps") ProxMap map) {
    double last = 1;
    for (long step = 0; step < map.annealEnd() + 2; step += 1 + map.annealEnd() / 100) {
      double slope = map.inverseSlope(step);
      assertTrue(slope >= 0 && slope <= last, "step " + step + ": " + slope);
      last = slope;
    }
    assertEquals(0, map.inverseSlope(map.annealEnd()));
  }

  @Property(tries = TRIES)
  void textRoundTrip(@ForAll("maps") ProxMap map) {
    assertEquals(map, ProxMap.parse(map.toString()));
  }

  @Example
  void isAValue() {
    ProxMap map = someMaps().sample();
    assertEquals(map.hashCode(), ProxMap.parse(map.toString()).hashCode());
  }
}

package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class ParqTest extends ProxMapContract {
  @Override
  Arbitrary<Parq> someMaps() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 50),
            Arbitraries.longs().between(1, 1000),
            Arbitraries.doubles().between(0.01, 200),
            Arbitraries.doubles().between(0, 1))
        .as((start, steps, steepness, centre) -> new Parq(start, start + steps, steepness, centre));
  }

  @Override
  long start(ProxMap map) {
    return ((Parq) map).annealStart();
  }

  @Property
  void startsAtTheIdentityWhateverTheCentre(@ForAll("maps") Parq map, @ForAll("cases") Case c) {
    assertEquals(1, map.inverseSlope(map.annealStart()));
    float[] w = apply(map, map.annealStart(), c.lattice(), c.x());
    for (int i = 0; i < w.length; i++) {
      float[] levels = c.lattice().levels(i / LENGTH);
      float inRange = Math.clamp(c.x()[i], levels[0], levels[levels.length - 1]);
      assertEquals(inRange, w[i], 2 * ulp(c), "element " + i);
    }
  }

  @Example
  void endsNearRoundingWhateverTheCentre() {
    for (double centre : new double[] {0, 0.3, 0.5, 0.7, 1}) {
      double last = new Parq(0, 100_000, 10, centre).inverseSlope(99_999);
      assertTrue(last > 0 && last < 1e-3, centre + ": " + last);
    }
  }

  @Example
  void isHalfwayAtACentreInTheMiddle() {
    assertEquals(0.5, new Parq(10, 30, 7, 0.5).inverseSlope(20), 1e-15);
  }

  @Example
  void checksItsSettings() {
    assertThrows(IllegalArgumentException.class, () -> new Parq(-1, 5, 10, 0.5));
    assertThrows(IllegalArgumentException.class, () -> new Parq(5, 5, 10, 0.5));
    assertThrows(IllegalArgumentException.class, () -> new Parq(1, 5, 0, 0.5));
    assertThrows(IllegalArgumentException.class, () -> new Parq(1, 5, 1e-18, 0.5));
    assertThrows(IllegalArgumentException.class, () -> new Parq(1, 5, 10, 1.5));
    assertEquals(new Parq(1, 5, 10, 0.5), ProxMap.parse("parq:1:5"));
  }
}

package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class BinaryRelaxTest extends ProxMapContract {
  @Override
  Arbitrary<BinaryRelax> someMaps() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 50), Arbitraries.longs().between(1, 1000))
        .as((start, steps) -> new BinaryRelax(start, start + steps));
  }

  @Override
  long start(ProxMap map) {
    return ((BinaryRelax) map).annealStart();
  }

  @Property
  void startsAtTheIdentity(@ForAll("maps") BinaryRelax map, @ForAll("cases") Case c) {
    assertArrayEquals(c.x(), apply(map, map.annealStart(), c.lattice(), c.x()), 0f);
  }

  @Property
  void isTheMeanHalfway(@ForAll("cases") Case c) {
    float[] w = apply(new BinaryRelax(10, 30), 20, c.lattice(), c.x());
    float[] q = nearest(c);
    for (int i = 0; i < w.length; i++) {
      q[i] = 0.5f * c.x()[i] + 0.5f * q[i];
    }
    assertArrayEquals(q, w, 0f);
  }

  @Example
  void checksItsWindow() {
    assertThrows(IllegalArgumentException.class, () -> new BinaryRelax(-1, 5));
    assertThrows(IllegalArgumentException.class, () -> new BinaryRelax(5, 4));
  }
}

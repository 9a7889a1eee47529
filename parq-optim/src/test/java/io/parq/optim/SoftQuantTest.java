package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;

class SoftQuantTest extends ProxMapContract {
  @Override
  Arbitrary<SoftQuant> someMaps() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 50),
            Arbitraries.longs().between(1, 1000),
            Arbitraries.doubles().between(0.1, 10),
            Arbitraries.doubles().between(11, 2000),
            Arbitraries.doubles().between(0.5, 3))
        .as(
            (start, steps, from, to, power) ->
                new SoftQuant(start, start + steps, from, to, power));
  }

  @Override
  long start(ProxMap map) {
    return ((SoftQuant) map).annealStart();
  }

  @Example
  void checksItsSettings() {
    assertThrows(IllegalArgumentException.class, () -> new SoftQuant(5, 5, 1, 10, 1));
    assertThrows(IllegalArgumentException.class, () -> new SoftQuant(1, 5, 0, 10, 1));
    assertThrows(IllegalArgumentException.class, () -> new SoftQuant(1, 5, 10, 10, 1));
    assertThrows(IllegalArgumentException.class, () -> new SoftQuant(1, 5, 1, 10, 0));
    assertEquals(new SoftQuant(1, 5, 1, 1000, 1), ProxMap.parse("soft-quant:1:5"));
  }
}

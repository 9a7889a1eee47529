package io.parq.optim;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

class HardQuantTest extends ProxMapContract {
  @Override
  Arbitrary<? extends ProxMap> someMaps() {
    return Arbitraries.just(ProxMap.hard());
  }

  @Override
  long start(ProxMap map) {
    return 0;
  }
}

package io.parq.benchmarks;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.parq.grids.QuantConfig;
import io.parq.optim.ProxMap;
import org.junit.jupiter.api.Test;

class CaseTest {
  private static void run(Case subject, int steps) {
    try (subject) {
      for (int i = 0; i < steps; i++) {
        subject.run();
      }
      subject.check();
    }
  }

  @Test void own() { run(new AdamWCase(Model.TINY), 20); }
  @Test void c() { run(new CLoopCase(Model.TINY, 2), 20); }
  @Test void plain() { run(new TorchCase.Plain(Model.TINY), 20); }
  @Test void fused() { run(new TorchCase.Fused(Model.TINY), 20); }
  @Test void wrapped() { run(new TorchCase.Wrapped(Model.TINY, QuantConfig.of(2), ProxMap.hard()), 20); }
  @Test void step() { run(new StepCase(Model.TINY, QuantConfig.of(2), ProxMap.parq(0,40)), 20); }
}

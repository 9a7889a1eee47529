package io.parq.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.Moments;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CaseTest {
  private static final int STEPS = 20;

  private static void run(Case subject) {
    try (subject) {
      for (int i = 0; i < STEPS; i++) {
        subject.run();
      }
      subject.check();
      assertTrue(subject.bytes() > 0 && subject.weights() > 0);
    }
  }

  private static Tensors onHeap() {
    return new Tensors(
        Model.TINY, shape -> MemorySegment.ofArray(new float[Math.toIntExact(shape.size())]));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"fp32", "bf16", "fp16", "symmetric:4 group:32 fp32", "stretched:3 per-row fp32"})
  void products(String weights) {
    for (int tokens : new int[] {1, 8}) {
      run(new MatrixCase(70, 96, weights, tokens, null, 100_000));
      run(
          new MatrixCase(
              70, 96, weights, tokens, ActivationQuantization.INT8_ASYM_PER_TOKEN, 100_000));
    }
  }

  @ParameterizedTest
  @EnumSource
  void ourAdamW(Moments moments) {
    run(new AdamWCase(Model.TINY, moments));
  }

  @Test
  void adamWInC() {
    assumeTrue(CLoop.compiler().isPresent(), "no C compiler on PATH");
    run(new CLoopCase(Model.TINY, 2));
  }

  @Test
  void libTorchsAdamW() {
    run(new TorchCase.Plain(Model.TINY));
  }

  @Test
  void libTorchsFusedAdamW() {
    run(new TorchCase.Fused(Model.TINY));
  }

  @ParameterizedTest
  @ValueSource(strings = {"hard", "parq", "binary-relax"})
  void libTorchsAdamWWrapped(String map) {
    QuantConfig config = Subject.config("stretched:2", "per-row");
    run(new TorchCase.Wrapped(Model.TINY, config, Subject.map(map)));
  }

  @ParameterizedTest
  @CsvSource({"FIT", "PACK", "UNPACK"})
  void lattices(LatticeCase.Work work) {
    for (String grid : new String[] {"ternary", "stretched:3", "lsbq-greedy:2"}) {
      run(new LatticeCase(Model.TINY, Subject.config(grid, "group:32"), work));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void streams(boolean triad) {
    run(new StreamCase(1_000_003, triad, 2));
  }

  @Test
  void wrongWeightsOfAdamWAreFound() {
    Tensors tensors = onHeap();
    AdamW adamW = new AdamW(tensors.groups(null), Oracle.OPTIONS);
    for (int i = 0; i < STEPS; i++) {
      adamW.step();
    }
    Oracle.checkAdamW(tensors, STEPS);
    assertThrows(IllegalStateException.class, () -> Oracle.checkAdamW(tensors, STEPS - 1));
    change(tensors, 0);
    assertThrows(IllegalStateException.class, () -> Oracle.checkAdamW(tensors, STEPS));
  }

  @ParameterizedTest
  @ValueSource(strings = {"hard", "parq", "binary-relax"})
  void wrongWeightsOfAStepAreFound(String name) {
    Tensors tensors = onHeap();
    QuantConfig config = Subject.config("stretched:3", "group:32");
    ProxMap map = Subject.map(name);
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(tensors.groups(config), Oracle.OPTIONS))
            .prox(map)
            .quantPeriod(1)
            .build();
    for (int i = 0; i < STEPS; i++) {
      optimizer.step();
    }
    Oracle.checkStep(tensors, config, map, STEPS, 0);
    ProxMap other = Subject.map(name.equals("hard") ? "parq" : "hard");
    assertThrows(
        IllegalStateException.class, () -> Oracle.checkStep(tensors, config, other, STEPS, 0));
    change(tensors, 127);
    assertThrows(
        IllegalStateException.class, () -> Oracle.checkStep(tensors, config, map, STEPS, 0));
  }

  private static void change(Tensors tensors, int index) {
    MemorySegment weights = tensors.parameters().getFirst().weights();
    float before = weights.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    weights.setAtIndex(ValueLayout.JAVA_FLOAT, index, before + 0.001f);
  }

  @Test
  void modelsAreWhatTheTablesSay() {
    assertEquals(33_554_432, Model.LARGE.size());
    assertEquals(200, Model.SMALL.shapes().size());
    assertEquals(3_283_200, Model.SMALL.size());
    assertThrows(IllegalArgumentException.class, () -> Model.named("huge"));
  }
}

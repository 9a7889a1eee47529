package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The wrapper's steps; bits are held by {@link GoldenTrajectoriesTest} and {@link FusedTest}. */
class QuantOptimizerTest extends OptimizerContract {
  @Override
  Optimizer create(List<ParamGroup> groups) {
    return QuantOptimizer.wrap(new AdamW(groups, RATE))
        .prox(ProxMap.parq(2, 7))
        .warmupSteps(1)
        .quantPeriod(3)
        .build();
  }

  private static QuantOptimizer hard(Net net) {
    return QuantOptimizer.wrap(new AdamW(net.groups(), RATE)).build();
  }

  @Test
  void warmUpIsTheBaseAlone() {
    Net plain = new Net();
    plain.train(new AdamW(plain.groups(), RATE), 3);
    Net wrapped = new Net();
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(wrapped.groups(), RATE)).warmupSteps(3).build();
    wrapped.train(optimizer, 3);
    assertEquals(plain.bits(), wrapped.bits());
    assertEquals(1, optimizer.inverseSlope());
    String message = assertThrows(IllegalStateException.class, optimizer::quantized).getMessage();
    assertTrue(message.contains("embed.weight: not quantized yet, 3 steps taken"), message);
  }

  @Test
  void quantizesOnlyWhatIsConfigured() {
    Net net = new Net();
    QuantOptimizer optimizer = hard(net);
    net.train(optimizer, 3);
    assertEquals(
        List.of("embed.weight", "layers.0.weight", "layers.1.weight", "conv.weight"),
        List.copyOf(optimizer.lattices().keySet()));
    Net plain = new Net();
    plain.train(new AdamW(plain.groups(), RATE), 1);
    Net once = new Net();
    once.train(hard(once), 1);
    assertEquals(plain.bits().get("norm.weight"), once.bits().get("norm.weight"));
    assertFalse(plain.bits().get("embed.weight").equals(once.bits().get("embed.weight")));
  }

  @Test
  void hardWeightsAreOnTheHeldLatticeInEveryStep() {
    Net net = new Net();
    QuantOptimizer optimizer = hard(net);
    for (int step = 0; step < 13; step++) {
      net.train(optimizer, 1);
      assertWeightsAreCodes(net, optimizer.quantized());
    }
    assertEquals(13, optimizer.stepCount());
  }

  @Test
  void shrunkWeightsAreOnTheLatticeOfShrunkLatents() {
    Net net = new Net();
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new Sgd(net.groups(), 0.5)).quantShrink(true).quantPeriod(1).build();
    net.train(optimizer, 6);
    assertWeightsAreCodes(net, optimizer.quantized());
    float[] latents = optimizer.state().tensors().get("latent/layers.0.weight").toFloats();
    Lattice lattice = Lattice.unfitted(QuantConfig.parse("stretched:2 per-row fp32"), 6, 64);
    for (int i = 0; i < latents.length; i++) {
      latents[i] /= 3f;
    }
    lattice.fit(java.lang.foreign.MemorySegment.ofArray(latents));
    assertArrayEquals(lattice.scales(), optimizer.lattices().get("layers.0.weight").scales());
  }

  private static void assertWeightsAreCodes(Net net, Map<String, QuantizedTensor> quantized) {
    assertEquals(4, quantized.size());
    quantized.forEach(
        (name, tensor) ->
            assertArrayEquals(
                Net.floats(net.parameter(name).weights()), tensor.dequantize(), name));
  }

  @Test
  void codesAreACopy() {
    Net net = new Net();
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(net.groups(), 0.5)).quantPeriod(1).build();
    net.train(optimizer, 1);
    QuantizedTensor tensor = optimizer.quantized().get("layers.1.weight");
    float[] before = tensor.dequantize();
    net.train(optimizer, 3);
    assertArrayEquals(before, tensor.dequantize());
  }

  @Test
  void aWeightBesideItsLevelIsNamed() {
    Net net = new Net();
    QuantOptimizer optimizer = hard(net);
    net.train(optimizer, 2);
    Parameter parameter = net.parameter("layers.1.weight");
    float level = Net.floats(parameter.weights())[2048 * 20 + 5];
    float beside = Math.nextUp(level);
    parameter.weights().setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, 2048 * 20 + 5, beside);
    String message = assertThrows(IllegalStateException.class, optimizer::quantized).getMessage();
    assertTrue(
        message.startsWith(
            "layers.1.weight: row 20, column 5 holds " + beside + ", nearest level "),
        message);
  }

  @Test
  void codesBeforeTheEndOfAnnealingAreRefused() {
    Net net = new Net();
    QuantOptimizer optimizer = (QuantOptimizer) create(net.groups());
    net.train(optimizer, 5);
    String message = assertThrows(IllegalStateException.class, optimizer::quantized).getMessage();
    assertTrue(message.contains("5 steps taken"), message);
    assertTrue(message.contains("annealing after 7"), message);
    net.train(optimizer, 3);
    assertWeightsAreCodes(net, optimizer.quantized());
  }

  @Test
  void latticesAreRefittedEveryPeriod() {
    Net net = new Net();
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(net.groups(), RATE)).warmupSteps(2).quantPeriod(3).build();
    Lattice lattice = optimizer.lattices().get("layers.0.weight");
    float[] last = lattice.scales().clone();
    for (int step = 0; step < 12; step++) {
      net.train(optimizer, 1);
      boolean refitted = !java.util.Arrays.equals(last, lattice.scales());
      assertEquals(step >= 2 && (step - 2) % 3 == 0, refitted, "step " + step);
      last = lattice.scales().clone();
    }
  }

  @Test
  void weightDecayFollowsTheInverseSlopeAndStays() {
    Net net = new Net();
    List<ParamGroup> groups = net.groups();
    AdamW.Options options = AdamW.Options.DEFAULTS.withWeightDecay(0.1);
    Parq parq = new Parq(2, 6, 10, 0.5);
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(groups, options)).prox(parq).annealWdFrac(0.75).build();
    for (int step = 0; step < 9; step++) {
      net.train(optimizer, 1);
      double slope = parq.inverseSlope(Math.min(step, 5));
      assertEquals(parq.inverseSlope(step), optimizer.inverseSlope());
      assertEquals(0.1 * (0.75 * slope + 0.25), groups.getFirst().weightDecay(), 1e-15);
      assertEquals(0.1, groups.getLast().weightDecay());
    }
  }

  @Test
  void scheduleMultipliesEachGroupsOwnRate() {
    Net net = new Net();
    List<ParamGroup> groups = net.groups();
    groups.getFirst().learningRate(0.25);
    LrSchedule schedule = LrSchedule.linearWarmup(4, LrSchedule.constant());
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(groups, RATE)).schedule(schedule).build();
    for (int step = 0; step < 6; step++) {
      net.train(optimizer, 1);
      assertEquals(0.25 * Math.min(1, (step + 1) / 4.0), groups.getFirst().learningRate());
      assertEquals(RATE * Math.min(1, (step + 1) / 4.0), groups.getLast().learningRate());
    }
  }

  @Test
  void clipsGradientsInPlace() {
    Net net = new Net();
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(net.groups(), RATE)).clipNorm(0.5).build();
    assertTrue(Double.isNaN(optimizer.lastGradientNorm()));
    net.train(optimizer, 1);
    assertTrue(optimizer.lastGradientNorm() > 10);
    double norm = Gradients.clipNorm(optimizer.groups(), 100);
    assertEquals(0.5, norm, 1e-5);
  }

  @Test
  void checksItsSettings() {
    List<ParamGroup> groups = new Net().groups();
    AdamW base = new AdamW(groups, RATE);
    QuantOptimizer.Builder builder = QuantOptimizer.wrap(base);
    assertThrows(IllegalArgumentException.class, builder.warmupSteps(-1)::build);
    assertThrows(IllegalArgumentException.class, builder.warmupSteps(0).quantPeriod(0)::build);
    assertThrows(IllegalArgumentException.class, builder.quantPeriod(1).annealWdFrac(1.5)::build);
    assertThrows(IllegalArgumentException.class, builder.annealWdFrac(1).clipNorm(0)::build);
    QuantOptimizer.Builder twice = QuantOptimizer.wrap(builder.clipNorm(1).build());
    assertThrows(IllegalArgumentException.class, twice::build);
    QuantOptimizer.Builder unset = QuantOptimizer.wrap(new Rateless());
    String message = assertThrows(IllegalArgumentException.class, unset::build).getMessage();
    assertTrue(message.contains("learning rate of"), message);
  }

  /** An optimizer whose groups have no rates. */
  private static final class Rateless implements Optimizer {
    @Override
    public List<ParamGroup> groups() {
      return new Net().groups();
    }

    @Override
    public void step() {}

    @Override
    public NamedTensors state() {
      return new NamedTensors(Map.of(), Map.of());
    }

    @Override
    public void load(NamedTensors state) {}
  }
}

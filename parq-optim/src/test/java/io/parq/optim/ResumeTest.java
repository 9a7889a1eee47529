package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.parq.grids.NamedTensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Interrupting a run anywhere and continuing it elsewhere gives the same bits as the whole run. */
class ResumeTest {
  private static final int STEPS = 16;

  record Case(String base, Function<List<ParamGroup>, Optimizer> create, String prox, int at) {
    @Override
    public String toString() {
      return base + " " + prox + " interrupted after " + at;
    }
  }

  static List<Case> cases() {
    Sgd.Options sgd = new Sgd.Options(0.3, 0.9, 0.2, 0.01, false);
    List<Case> cases = new ArrayList<>();
    // Warm-up ends after 3, annealing runs from 5 to 12, fits are at 3, 6, 9, 12.
    for (int at : new int[] {0, 2, 3, 4, 8, 11, 13}) {
      for (String prox : List.of("parq:5:12", "soft-quant:5:12")) {
        cases.add(new Case("sgd", groups -> new Sgd(groups, sgd), prox, at));
        cases.add(new Case("adamw", groups -> new AdamW(groups, 0.3), prox, at));
        cases.add(new Case("normal-map", groups -> new NormalMapSgd(groups, sgd, 2), prox, at));
        for (Moments moments : List.of(Moments.BF16, Moments.BLOCKWISE_8BIT)) {
          AdamW.Options adamW = new AdamW.Options(0.3, 0.9, 0.999, 1e-8, 0.01, moments);
          cases.add(new Case(moments + " adamw", groups -> new AdamW(groups, adamW), prox, at));
        }
        cases.add(
            new Case("hidden", groups -> new FusedTest.Hidden(new Adam(groups, 0.3)), prox, at));
      }
    }
    return cases;
  }

  private static QuantOptimizer.Builder builder(Case c, Net net) {
    return QuantOptimizer.wrap(c.create.apply(net.groups()))
        .prox(ProxMap.parse(c.prox))
        .warmupSteps(3)
        .quantPeriod(3)
        .quantShrink(true)
        .annealWdFrac(0.5)
        .schedule(LrSchedule.cosine(STEPS, 0.1))
        .clipNorm(30);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void continuesBitForBit(Case c) {
    Net whole = new Net();
    QuantOptimizer first = builder(c, whole).build();
    whole.train(first, c.at);
    NamedTensors state = first.state().copy();
    Net resumed = new Net();
    resumed.forget(c.at);
    QuantOptimizer second = builder(c, resumed).build();
    second.load(state);
    // The weights are part of the state.
    assertEquals(whole.bits(), resumed.bits());
    States.assertSame(state, second.state());
    whole.train(first, STEPS - c.at);
    resumed.train(second, STEPS - c.at);
    States.assertSame(first.state(), second.state());
  }

  @Test
  void anEarlierStateCanBeLoadedBack() {
    Case c = new Case("adamw", groups -> new AdamW(groups, 0.3), "parq:5:12", 0);
    Net net = new Net();
    QuantOptimizer optimizer = builder(c, net).build();
    NamedTensors start = optimizer.state().copy();
    net.train(optimizer, STEPS);
    NamedTensors end = optimizer.state().copy();
    optimizer.load(start);
    States.assertSame(start, optimizer.state());
    Net again = new Net();
    for (int i = 0; i < STEPS; i++) {
      again.parameters.forEach(p -> p.weights().copyFrom(net.parameter(p.name()).weights()));
      again.fillGradients();
      again.parameters.forEach(p -> net.parameter(p.name()).gradient().copyFrom(p.gradient()));
      optimizer.step();
    }
    States.assertSame(end, optimizer.state());
  }

  @Test
  void otherSettingsAreRefused() {
    Case c = new Case("adamw", groups -> new AdamW(groups, 0.3), "parq:5:12", 0);
    Net net = new Net();
    QuantOptimizer optimizer = builder(c, net).build();
    net.train(optimizer, 6);
    NamedTensors state = optimizer.state();
    for (QuantOptimizer other :
        List.of(
            builder(c, new Net()).prox(ProxMap.hard()).build(),
            builder(c, new Net()).warmupSteps(4).build(),
            builder(c, new Net()).quantPeriod(4).build(),
            builder(c, new Net()).quantShrink(false).build(),
            builder(c, new Net()).annealWdFrac(0).build(),
            builder(c, new Net()).schedule(LrSchedule.constant()).build(),
            builder(c, new Net()).clipNorm(1).build())) {
      OptimizerContract.refuse(other, state, "found", "expected");
    }
    Case adam = new Case("adam", groups -> new Adam(groups, 0.3), "parq:5:12", 0);
    OptimizerContract.refuse(
        builder(adam, new Net()).build(), state, "optimizer", "adamw beta1=0.9", "expected adam ");
    OptimizerContract.refuse(
        optimizer,
        States.withValues(state, v -> v.put("lattice/embed.weight/config", "nf4 per-row fp32")),
        "lattice/embed.weight",
        "nf4");
    OptimizerContract.refuse(
        optimizer, States.withValues(state, v -> v.put("base/steps", "x")), "steps", "x");
  }
}

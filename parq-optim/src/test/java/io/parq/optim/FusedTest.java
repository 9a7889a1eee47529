package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The fused pass against restoring and saving latents around {@code step()}, bit for bit. */
class FusedTest {
  /** An optimizer of which only the interface is seen. */
  record Hidden(Optimizer inner) implements Optimizer {
    @Override
    public List<ParamGroup> groups() {
      return inner.groups();
    }

    @Override
    public void step() {
      inner.step();
    }

    @Override
    public NamedTensors state() {
      return inner.state();
    }

    @Override
    public void load(NamedTensors state) {
      inner.load(state);
    }
  }

  record Case(
      String base, Function<List<ParamGroup>, Optimizer> create, String prox, String variant) {
    @Override
    public String toString() {
      return base + " " + prox + " " + variant;
    }

    QuantOptimizer wrap(List<ParamGroup> groups, boolean hide, Workers workers) {
      Optimizer inner = create.apply(groups);
      QuantOptimizer.Builder builder =
          QuantOptimizer.wrap(hide ? new Hidden(inner) : inner).prox(ProxMap.parse(prox));
      return settings(builder, variant).build(workers);
    }
  }

  static QuantOptimizer.Builder settings(QuantOptimizer.Builder builder, String variant) {
    return switch (variant) {
      case "plain" -> builder.quantPeriod(1);
      case "shrink" -> builder.quantShrink(true).quantPeriod(2);
      case "all" ->
          builder
              .warmupSteps(2)
              .quantPeriod(3)
              .quantShrink(true)
              .annealWdFrac(0.5)
              .clipNorm(20)
              .schedule(LrSchedule.cosine(15, 0.1));
      default -> throw new IllegalArgumentException(variant);
    };
  }

  static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (String prox : List.of("hard", "parq:3:9", "binary-relax:3:9", "soft-quant:3:9")) {
      for (String variant : List.of("plain", "shrink", "all")) {
        cases.add(new Case("sgd", groups -> new Sgd(groups, 0.4), prox, variant));
        cases.add(
            new Case(
                "nesterov",
                groups -> new Sgd(groups, new Sgd.Options(0.4, 0.9, 0, 0.01, true)),
                prox,
                variant));
        cases.add(new Case("adam", groups -> new Adam(groups, 0.4), prox, variant));
        for (Moments moments : List.of(Moments.BF16, Moments.BLOCKWISE_8BIT)) {
          Adam.Options adam = Adam.Options.DEFAULTS.withLearningRate(0.4).withMoments(moments);
          cases.add(new Case(moments + " adam", groups -> new Adam(groups, adam), prox, variant));
          Sgd.Options sgd = new Sgd.Options(0.4, 0.9, 0.1, 0.01, false, moments);
          cases.add(new Case(moments + " sgd", groups -> new Sgd(groups, sgd), prox, variant));
        }
        cases.add(new Case("adamw", groups -> new AdamW(groups, 0.4), prox, variant));
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void fusedEqualsUnfused(Case c) {
    Net fused = new Net();
    QuantOptimizer first = c.wrap(fused.groups(), false, new Workers());
    Net unfused = new Net();
    QuantOptimizer second = c.wrap(unfused.groups(), true, new Workers());
    for (int step = 0; step < 12; step++) {
      fused.train(first, 1);
      unfused.train(second, 1);
      assertEquals(fused.bits(), unfused.bits(), "step " + step);
    }
    States.assertSame(first.state(), second.state());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "stretched:3 per-tensor fp32",
        "asymmetric:4 per-row bf16",
        "tinygemm group:32 fp32",
        "lsbq-greedy:2+centred per-row fp32",
        "nf4 group:64 fp16",
        "fp4 group:32 e8m0",
        "fp4 group:16 e4m3",
        "symmetric:8 group:2 fp32"
      })
  void everyLatticeIsFittedAndProjectedAlike(String linear) {
    QuantConfig config = QuantConfig.parse(linear);
    Net fused = new Net();
    Net unfused = new Net();
    Net threads = new Net();
    List<ParamGroup> groups = fused.groups(config, QuantConfig.of(4), QuantConfig.of(2));
    Case c = new Case("adamw", g -> new AdamW(g, 0.4), "parq:3:9", "all");
    fused.train(c.wrap(groups, false, new Workers(1)), 12);
    groups = unfused.groups(config, QuantConfig.of(4), QuantConfig.of(2));
    unfused.train(c.wrap(groups, true, new Workers(1)), 12);
    groups = threads.groups(config, QuantConfig.of(4), QuantConfig.of(2));
    threads.train(c.wrap(groups, false, new Workers(4)), 12);
    assertEquals(fused.bits(), unfused.bits());
    assertEquals(fused.bits(), threads.bits());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theNumberOfThreadsDoesNotMatter(Case c) {
    Net alone = new Net();
    QuantOptimizer first = c.wrap(alone.groups(), false, new Workers(1));
    alone.train(first, 8);
    Net several = new Net();
    QuantOptimizer second = c.wrap(several.groups(), false, new Workers(4));
    several.train(second, 8);
    States.assertSame(first.state(), second.state());
  }
}

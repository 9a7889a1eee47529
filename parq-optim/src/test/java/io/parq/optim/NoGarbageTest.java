package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.parq.grids.QuantConfig;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Once warm, a step allocates next to nothing on any thread, however many weights there are. */
class NoGarbageTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Coefficients of the groups and what threads need to wait for one another. */
  private static final long MOST_BYTES = 4096;

  private static final int STEPS = 20;

  record Case(
      String base, Function<List<ParamGroup>, Optimizer> create, String map, String config) {
    @Override
    public String toString() {
      return base + " " + map + " " + config;
    }
  }

  static List<Case> cases() {
    Sgd.Options options = new Sgd.Options(0.01, 0.9, 0, 0.01, true);
    String row = "stretched:2 per-row bf16";
    List<Case> cases = new ArrayList<>();
    cases.add(new Case("sgd", groups -> new Sgd(groups, options), "hard", row));
    cases.add(new Case("adam", groups -> new Adam(groups, 0.01), "hard", row));
    cases.add(new Case("normal map", groups -> new NormalMapSgd(groups, options, 2), "hard", row));
    for (Moments moments : List.of(Moments.BF16, Moments.BLOCKWISE_8BIT)) {
      AdamW.Options adamW = AdamW.Options.DEFAULTS.withMoments(moments);
      Sgd.Options sgd = options.withMoments(moments);
      String name = moments + " moments, ";
      cases.add(new Case(name + "adamw", groups -> new AdamW(groups, adamW), "hard", row));
      cases.add(new Case(name + "sgd", groups -> new Sgd(groups, sgd), "hard", row));
    }
    for (String map :
        List.of("hard", "parq:0:1000000", "binary-relax:0:1000000", "soft-quant:0:1000000")) {
      cases.add(new Case("adamw", groups -> new AdamW(groups, 0.01), map, row));
    }
    for (String config :
        List.of(
            "symmetric:4 group:32 fp32",
            "asymmetric:4 group:64 fp16",
            "tinygemm group:128 fp32",
            "ternary per-row fp32",
            "lsbq-greedy:2 per-row fp32",
            "lsbq-greedy:3+centred per-row fp32",
            "lsbq-optimal:2 per-row fp32",
            "lsbq-optimal-ternary per-row fp32",
            "lsbq-simple-ternary:1.1 group:64 fp32",
            "nf4 group:64 fp32",
            "fp4 group:32 e8m0")) {
      for (String map : List.of("hard", "parq:0:1000000")) {
        cases.add(new Case("adamw", groups -> new AdamW(groups, 0.01), map, config));
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void nothingIsAllocated(Case c) {
    Net net = new Net(Net.Memory.NATIVE);
    QuantConfig config = QuantConfig.parse(c.config);
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(
                c.create.apply(
                    ParamGroup.assign(
                        net.parameters,
                        java.util.Map.of(ParameterFilter.named("layers.1.weight"), config))))
            .prox(ProxMap.parse(c.map))
            .quantPeriod(1)
            .clipNorm(1)
            .schedule(LrSchedule.constant())
            .build(new Workers(2));
    net.fillGradients();
    long least = Long.MAX_VALUE;
    // Until it is compiled, code allocates what it later keeps in registers.
    for (int round = 0; round < 200 && least > MOST_BYTES; round++) {
      long before = allocated();
      for (int i = 0; i < STEPS; i++) {
        optimizer.step();
      }
      least = Math.min(least, (allocated() - before) / STEPS);
    }
    assertTrue(least <= MOST_BYTES, least + " bytes a step");
  }

  private static long allocated() {
    long sum = 0;
    for (long bytes : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
      sum += Math.max(0, bytes);
    }
    return sum;
  }
}

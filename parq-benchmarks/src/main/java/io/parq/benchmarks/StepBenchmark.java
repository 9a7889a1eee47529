package io.parq.benchmarks;

import io.parq.grids.QuantConfig;
import io.parq.optim.NonFinite;
import org.openjdk.jmh.annotations.Param;

/** A quantizing step with a refit: fused with our AdamW, or around LibTorch's. */
public class StepBenchmark extends CaseBenchmark {
  @Param({"large", "small"})
  String model = "";

  @Param({"fused", "libtorch"})
  String base = "";

  @Param({"hard", "parq", "binary-relax"})
  String map = "";

  @Param({
    "stretched:1",
    "ternary",
    "stretched:2",
    "stretched:3",
    "symmetric:4",
    "lsbq-greedy:2",
    "lsbq-optimal:2",
    "lsbq-optimal-ternary"
  })
  String grid = "";

  @Param({"per-row", "group:128", "group:32"})
  String granularity = "";

  @Override
  Case open(int threads) {
    QuantConfig config = Subject.config(grid, granularity);
    return switch (base) {
      case "fused" -> new StepCase(Model.named(model), config, Subject.map(map), NonFinite.FAIL);
      case "libtorch" -> new TorchCase.Wrapped(Model.named(model), config, Subject.map(map));
      default -> throw new IllegalArgumentException("base " + base);
    };
  }
}

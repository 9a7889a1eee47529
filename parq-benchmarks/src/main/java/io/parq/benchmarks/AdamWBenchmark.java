package io.parq.benchmarks;

import org.openjdk.jmh.annotations.Param;

/** AdamW, nothing quantized: ours, a C loop, LibTorch's fused kernel and its C++ optimizer. */
public class AdamWBenchmark extends CaseBenchmark {
  @Param({"large", "small"})
  String model = "";

  @Param({"parq", "c", "libtorch-fused", "libtorch"})
  String implementation = "";

  @Override
  Case open(int threads) {
    Model shapes = Model.named(model);
    return switch (implementation) {
      case "parq" -> new AdamWCase(shapes);
      case "c" -> new CLoopCase(shapes, threads);
      case "libtorch-fused" -> new TorchCase.Fused(shapes);
      case "libtorch" -> new TorchCase.Plain(shapes);
      default -> throw new IllegalArgumentException("implementation " + implementation);
    };
  }
}

package io.parq.benchmarks;

import io.parq.optim.Moments;
import org.openjdk.jmh.annotations.Param;

/**
 * AdamW, nothing quantized: ours, with moments in lower precision too, a C loop, LibTorch's fused
 * kernel and its C++ optimizer.
 */
public class AdamWBenchmark extends CaseBenchmark {
  @Param({"large", "small"})
  String model = "";

  @Param({"parq", "parq-bf16", "parq-8bit", "c", "libtorch-fused", "libtorch"})
  String implementation = "";

  @Override
  Case open(int threads) {
    Model shapes = Model.named(model);
    return switch (implementation) {
      case "parq" -> new AdamWCase(shapes);
      case "parq-bf16" -> new AdamWCase(shapes, Moments.BF16);
      case "parq-8bit" -> new AdamWCase(shapes, Moments.BLOCKWISE_8BIT);
      case "c" -> new CLoopCase(shapes, threads);
      case "libtorch-fused" -> new TorchCase.Fused(shapes);
      case "libtorch" -> new TorchCase.Plain(shapes);
      default -> throw new IllegalArgumentException("implementation " + implementation);
    };
  }
}

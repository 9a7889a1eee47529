package io.parq.benchmarks;

import io.parq.grids.ActivationQuantization;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Param;

/** Products of packed matrices from memory. */
public class MatrixBenchmark extends CaseBenchmark {
  private static final long POOL_BYTES = 1L << 29;

  @Param({"4096x4096", "3072x8192"})
  String shape = "";

  @Param({
    "fp32",
    "bf16",
    "symmetric:8 per-row fp32",
    "symmetric:4 per-row fp32",
    "symmetric:4 group:32 fp32",
    "stretched:3 per-row fp32",
    "stretched:3 group:32 fp32",
    "stretched:2 per-row fp32",
    "stretched:2 group:32 fp32",
    "ternary per-row fp32",
    "stretched:1 per-row fp32"
  })
  String weights = "";

  @Param({"float", "int8-asym-per-token"})
  String activations = "";

  @Param({"1", "64"})
  int tokens;

  @Override
  Case open(int threads) {
    int[] sizes = Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
    return new MatrixCase(
        sizes[0],
        sizes[1],
        weights,
        tokens,
        activations.equals("float") ? null : ActivationQuantization.parse(activations),
        POOL_BYTES);
  }
}

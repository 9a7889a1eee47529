package io.parq.benchmarks;

import org.openjdk.jmh.annotations.Param;

/** Copy and triad: the limit that memory sets. */
public class MemoryBenchmark extends CaseBenchmark {
  @Param({"copy", "triad"})
  String kernel = "";

  @Param("large")
  String model = "";

  @Override
  Case open(int threads) {
    int size = Math.toIntExact(Model.named(model).size());
    return new StreamCase(size, kernel.equals("triad"), threads);
  }
}

package io.parq.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** JMH runs each benchmark once on a tiny model, and so its check. */
class JmhTest {
  @TempDir private Path folder = Path.of("");

  private int run(Class<?> benchmark, Map<String, String> parameters) throws RunnerException {
    OptionsBuilder options = new OptionsBuilder();
    options
        .include(benchmark.getName())
        .param("model", "tiny")
        .forks(0)
        .warmupIterations(0)
        .measurementIterations(1)
        .measurementTime(TimeValue.milliseconds(20))
        .shouldFailOnError(true)
        .output(folder.resolve(benchmark.getSimpleName() + ".txt").toString());
    parameters.forEach(options::param);
    return new Runner(options.build()).run().size();
  }

  @Test
  void adamW() throws RunnerException {
    assertEquals(
        3,
        run(AdamWBenchmark.class, Map.of("implementation", "parq"))
            + run(AdamWBenchmark.class, Map.of("implementation", "libtorch-fused"))
            + run(AdamWBenchmark.class, Map.of("implementation", "libtorch")));
  }

  @Test
  void step() throws RunnerException {
    Map<String, String> rows = Map.of("base", "fused", "map", "parq", "granularity", "group:32");
    assertEquals(8, run(StepBenchmark.class, rows));
    Map<String, String> wrapped =
        Map.of("base", "libtorch", "map", "hard", "grid", "ternary", "granularity", "per-row");
    assertEquals(1, run(StepBenchmark.class, wrapped));
  }

  @Test
  void lattices() throws RunnerException {
    assertEquals(9, run(LatticeBenchmark.class, Map.of("grid", "stretched:3")));
  }

  @Test
  void memory() throws RunnerException {
    assertEquals(2, run(MemoryBenchmark.class, Map.of()));
  }

  @Test
  void failuresAreNotSwallowed() {
    assertThrows(
        RunnerException.class, () -> run(AdamWBenchmark.class, Map.of("implementation", "none")));
  }
}

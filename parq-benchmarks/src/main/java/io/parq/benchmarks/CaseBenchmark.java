package io.parq.benchmarks;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Hands a case to JMH; its result is checked after each trial. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "--sun-misc-unsafe-memory-access=allow",
      "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0"
    })
public abstract class CaseBenchmark {
  private @Nullable Case subject;

  /** Prepares what is timed. */
  abstract Case open(int threads);

  /** Opens the case, on as many threads as {@code -Dio.parq.threads} says; two by default. */
  @Setup
  public void open() {
    int threads = Integer.getInteger("io.parq.threads", 2);
    Bench.setThreads(threads);
    subject = open(threads);
  }

  /** One run. */
  @Benchmark
  public void run() {
    subject().run();
  }

  /** Checks what all runs computed. */
  @TearDown
  public void close() {
    try (Case ended = subject()) {
      ended.check();
    }
  }

  private Case subject() {
    if (subject == null) {
      throw new IllegalStateException("not opened");
    }
    return subject;
  }
}

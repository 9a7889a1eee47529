package io.parq.benchmarks;

import io.parq.export.model.ActivationConfig;
import io.parq.export.model.ModelConfig;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.runtime.SpeedTest;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What running a model costs: products of packed matrices from memory, against single precision;
 * and a decoder of random weights in the shape of Phi-4-mini at several bits, against 4 bits in
 * groups of 32. Rounds are interleaved, and the shortest counts.
 */
public final class RuntimeBench {
  private static final long POOL_BYTES = 1L << 29;
  private static final long SAMPLE_NANOS = 20_000_000;
  private static final long WARM_UP_NANOS = 1_500_000_000;
  private static final String BASE = "symmetric:4 group:32 bf16";
  private static final String EMBEDDING = BASE;

  private static final List<String> LAYERS =
      List.of("symmetric:4 per-row fp32", "stretched:3 per-row fp32", "stretched:2 per-row fp32");

  private static final List<String> MATRICES =
      List.of(
          "fp16",
          "bf16",
          "symmetric:8 group:32 fp32",
          "nf4 group:64 fp32",
          "symmetric:4 per-row fp32",
          BASE,
          "stretched:3 per-row fp32",
          "stretched:3 group:32 bf16",
          "stretched:2 per-row fp32",
          "stretched:2 group:32 bf16",
          "ternary per-row fp32",
          "stretched:1 per-row fp32");

  private RuntimeBench() {}

  /**
   * What was measured of a matrix.
   *
   * @param part shape and tokens
   * @param name weights and activations
   * @param toFp32 how many times as fast as single precision it is
   * @param toBytes the same, to what the bytes alone would make it
   * @param speed bytes of weights a nanosecond
   */
  public record MatrixRow(String part, String name, double toFp32, double toBytes, double speed) {}

  /**
   * What was measured of a model.
   *
   * @param name how its linear layers are quantized
   * @param weights bytes of weights
   * @param prefill tokens of a prompt a second
   * @param decode further tokens a second
   * @param base the same of the model that this one is compared to, in the same rounds
   */
  public record ModelRow(
      String name, long weights, double prefill, double decode, @Nullable ModelRow base) {}

  /**
   * Measures products of one vector and of 64 with matrices from memory.
   *
   * @param threads that may be used
   * @param rounds how many
   * @param shapes rows and columns, such as 4096x4096
   * @param listener is given each row as soon as it is measured
   */
  public static void matrices(
      int threads, int rounds, List<String> shapes, Consumer<MatrixRow> listener) {
    matrices(threads, rounds, shapes, POOL_BYTES, listener);
  }

  static void matrices(
      int threads, int rounds, List<String> shapes, long poolBytes, Consumer<MatrixRow> listener) {
    Bench.setThreads(threads);
    for (String shape : shapes) {
      int[] sizes = Stream.of(shape.split("x")).mapToInt(Integer::parseInt).toArray();
      for (int tokens : new int[] {1, 64}) {
        try (Case single = new MatrixCase(sizes[0], sizes[1], "fp32", tokens, null, poolBytes)) {
          Timing base = new Timing(single, SAMPLE_NANOS);
          String part = "%s, %d token%s".formatted(shape, tokens, tokens == 1 ? "" : "s");
          for (String weights : MATRICES) {
            for (boolean whole : new boolean[] {false, true}) {
              if (!whole || weights.contains(":") || weights.startsWith("ternary")) {
                listener.accept(
                    matrix(part, sizes, weights, whole, tokens, base, rounds, poolBytes));
              }
            }
          }
        }
      }
    }
  }

  private static MatrixRow matrix(
      String part,
      int[] sizes,
      String weights,
      boolean whole,
      int tokens,
      Timing base,
      int rounds,
      long poolBytes) {
    ActivationQuantization activations = whole ? ActivationQuantization.INT8_ASYM_PER_TOKEN : null;
    try (Case packed =
        new MatrixCase(sizes[0], sizes[1], weights, tokens, activations, poolBytes)) {
      warmUp(packed, poolBytes);
      Timing timing = new Timing(packed, SAMPLE_NANOS);
      base.reset();
      for (int round = 0; round < rounds; round++) {
        base.sample();
        timing.sample();
      }
      packed.check();
      double faster = base.nanos() / timing.nanos();
      double smaller = (double) base.subject().bytes() / packed.bytes();
      return new MatrixRow(
          part,
          weights + (whole ? ", int8" : ", float"),
          faster,
          faster / smaller,
          packed.bytes() / timing.nanos());
    }
  }

  /** Runs until Java has compiled the kernels, which takes it some hundreds of calls. */
  private static void warmUp(Case subject, long poolBytes) {
    long start = System.nanoTime();
    while (poolBytes >= POOL_BYTES && System.nanoTime() - start < WARM_UP_NANOS) {
      subject.run();
    }
  }

  /**
   * Measures models of random weights.
   *
   * @param threads that may be used
   * @param rounds how many
   * @param shape Phi-4-mini's is {@link #phi4Mini}
   * @param prompt tokens that are read together
   * @param more further tokens, one at a time
   * @param listener is given each row as soon as it is measured
   */
  public static void models(
      int threads,
      int rounds,
      ModelConfig shape,
      int prompt,
      int more,
      Consumer<ModelRow> listener) {
    Bench.setThreads(threads);
    ModelConfig config =
        shape.withActivations(
            new ActivationConfig(ActivationQuantization.INT8_ASYM_PER_TOKEN, Set.of()));
    SpeedTest base = model(config, BASE);
    listener.accept(compare(BASE, base, base, rounds, prompt, more));
    for (String layers : LAYERS) {
      listener.accept(compare(layers, model(config, layers), base, rounds, prompt, more));
    }
  }

  /**
   * {@return the shape of Phi-4-mini, 3.8 billion weights}
   *
   * @param layers 32, or fewer to save time
   */
  public static ModelConfig phi4Mini(int layers) {
    return ModelConfig.parse(
        """
        {"model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
         "num_hidden_layers": %d, "num_attention_heads": 24, "num_key_value_heads": 8,
         "vocab_size": 200064, "max_position_embeddings": 4096,
         "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": true, "hidden_act": "silu", "rope_theta": 10000.0,
         "partial_rotary_factor": 0.75, "sliding_window": null}
        """
            .formatted(layers));
  }

  private static SpeedTest model(ModelConfig config, String layers) {
    return new SpeedTest(config, QuantConfig.parse(layers), QuantConfig.parse(EMBEDDING));
  }

  private static ModelRow compare(
      String name, SpeedTest packed, SpeedTest base, int rounds, int prompt, int more) {
    double[] best = {0, 0, 0, 0};
    for (int round = 0; round < rounds; round++) {
      sample(base, best, 0, prompt, more);
      if (packed != base) {
        sample(packed, best, 2, prompt, more);
      }
    }
    ModelRow compared = new ModelRow(BASE, base.weightBytes(), best[0], best[1], null);
    return packed == base
        ? compared
        : new ModelRow(name, packed.weightBytes(), best[2], best[3], compared);
  }

  private static void sample(SpeedTest test, double[] best, int at, int prompt, int more) {
    SpeedTest.Times times = test.run(prompt, more);
    best[at] = Math.max(best[at], prompt * 1e9 / times.prefillNanos());
    best[at + 1] = Math.max(best[at + 1], more * 1e9 / times.decodeNanos());
  }
}

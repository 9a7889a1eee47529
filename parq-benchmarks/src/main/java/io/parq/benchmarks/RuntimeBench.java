package io.parq.benchmarks;

import io.parq.export.model.ActivationConfig;
import io.parq.export.model.ModelConfig;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.runtime.SpeedTest;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * What running a model costs: products of packed matrices from memory, against single precision;
 * and a decoder of random weights in the shape of Phi-4-mini at several bits, against two with 4
 * bits in groups of 32: torchao's 8da4w, and a smaller one. Rounds are interleaved; the shortest
 * counts.
 */
public final class RuntimeBench {
  private static final long POOL_BYTES = 1L << 29;
  private static final long SAMPLE_NANOS = 20_000_000;
  private static final long WARM_UP_NANOS = 1_500_000_000;
  private static final String GROUPS = "symmetric:4 group:32 bf16";
  private static final String ROWS = "symmetric:4 per-row fp32";

  /**
   * What models are compared to. The first is quantized as the PyTorch team's
   * Phi-4-mini-instruct-8da4w is, with an embedding of 8 bits beside the head, and single precision
   * scales, which torchao's kernels read.
   */
  private static final List<Variant> BASES =
      List.of(
          new Variant("8da4w", "symmetric:4 group:32 fp32", "symmetric:8 per-row fp32", false),
          new Variant(GROUPS, GROUPS, GROUPS, true));

  private static final List<Variant> PER_ROW =
      Stream.of(ROWS, "stretched:3 per-row fp32", "stretched:2 per-row fp32")
          .map(layers -> new Variant(layers, layers, ROWS, true))
          .toList();

  private static final List<String> MATRICES =
      List.of(
          "fp16",
          "bf16",
          "symmetric:8 group:32 fp32",
          "nf4 group:64 fp32",
          ROWS,
          GROUPS,
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
   * @param base the name of the model that it is compared to; its own if that is the one
   * @param weights bytes of weights
   * @param prefill tokens of a prompt a second, in the best round
   * @param decode further tokens a second, in the best round
   * @param toWeights bytes of weights by those of the base
   * @param toPrefill speed of the prompt by that of the base in the same round, the median
   * @param toDecode the same of further tokens
   */
  public record ModelRow(
      String name,
      String base,
      long weights,
      double prefill,
      double decode,
      double toWeights,
      double toPrefill,
      double toDecode) {}

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

  /** How a model is quantized, and whether its head is the embedding. */
  private record Variant(String name, String layers, String embedding, boolean tied) {
    SpeedTest model(Function<Boolean, ModelConfig> shape) {
      ActivationConfig activations =
          new ActivationConfig(ActivationQuantization.INT8_ASYM_PER_TOKEN, Set.of());
      return new SpeedTest(
          shape.apply(tied).withActivations(activations),
          QuantConfig.parse(layers),
          QuantConfig.parse(embedding));
    }
  }

  /**
   * Measures models of random weights.
   *
   * @param threads that may be used
   * @param rounds how many
   * @param shape the model, given whether its head is the embedding, as {@link #phi4Mini} makes it
   * @param prompt tokens that are read together
   * @param more further tokens, one at a time
   * @param listener is given each row as soon as it is measured
   */
  public static void models(
      int threads,
      int rounds,
      Function<Boolean, ModelConfig> shape,
      int prompt,
      int more,
      Consumer<ModelRow> listener) {
    Bench.setThreads(threads);
    for (Variant to : BASES) {
      SpeedTest base = to.model(shape);
      listener.accept(compare(to, base, to, base, rounds, prompt, more));
      for (Variant variant : PER_ROW) {
        listener.accept(compare(variant, variant.model(shape), to, base, rounds, prompt, more));
      }
    }
  }

  /**
   * {@return the shape of Phi-4-mini, 3.8 billion weights}
   *
   * @param layers 32, or fewer to save time
   * @param tied whether the head is the embedding, as it is in the original
   */
  public static ModelConfig phi4Mini(int layers, boolean tied) {
    return ModelConfig.parse(
        """
        {"model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
         "num_hidden_layers": %d, "num_attention_heads": 24, "num_key_value_heads": 8,
         "vocab_size": 200064, "max_position_embeddings": 4096,
         "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": %s, "hidden_act": "silu", "rope_theta": 10000.0,
         "partial_rotary_factor": 0.75, "sliding_window": null}
        """
            .formatted(layers, tied));
  }

  private static ModelRow compare(
      Variant variant,
      SpeedTest packed,
      Variant to,
      SpeedTest base,
      int rounds,
      int prompt,
      int more) {
    double[] prefill = new double[rounds];
    double[] decode = new double[rounds];
    double[] toPrefill = new double[rounds];
    double[] toDecode = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      SpeedTest.Times slow = base.run(prompt, more);
      SpeedTest.Times fast = packed == base ? slow : packed.run(prompt, more);
      prefill[round] = prompt * 1e9 / fast.prefillNanos();
      decode[round] = more * 1e9 / fast.decodeNanos();
      toPrefill[round] = (double) slow.prefillNanos() / fast.prefillNanos();
      toDecode[round] = (double) slow.decodeNanos() / fast.decodeNanos();
    }
    return new ModelRow(
        variant.name(),
        to.name(),
        packed.weightBytes(),
        DoubleStream.of(prefill).max().orElseThrow(),
        DoubleStream.of(decode).max().orElseThrow(),
        (double) packed.weightBytes() / base.weightBytes(),
        median(toPrefill),
        median(toDecode));
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}

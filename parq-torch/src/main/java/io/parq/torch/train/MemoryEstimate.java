package io.parq.torch.train;

import io.parq.export.model.ModelConfig;
import io.parq.grids.BlockLayout;
import io.parq.grids.QuantConfig;
import io.parq.optim.Moments;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The memory that training takes at its peak, on the CPU in single precision with an optimizer of
 * {@code io.parq.optim}, in bytes. With N parameters, Q of them quantized, and 4 bytes a number:
 *
 * <pre>
 * weights       4 N
 * gradients     4 N
 * moments       4 N for each moment: 2 for Adam and AdamW, 1 for SGD with momentum;
 *               2 N in bf16 and 1.016 N in 8 bits, small tensors aside               (Java heap)
 * latents       4 Q                                                                  (Java heap)
 * lattices      scales, zero points and offsets, 4 bytes each                        (Java heap)
 * activations   4 * batch * time * layers * (4 inner + 4 hidden + 5 queries + 2 keys)
 * temporaries   the largest of what is alive at once at the model's two ends:
 *                 3 L         logits: log-softmax, gradient, gradient through it
 *                 L + E       the head's gradient from that of the logits
 *                 3 E         tied only: gradients of head and embedding, and their sum
 * runtime       Java and LibTorch: 690 MiB, half of it for compiling vector kernels; 7 % of the heap; freed gradients of matrices that the
 *               allocator holds back: 12 * 4 * hidden * inner
 * </pre>
 *
 * where inner is the width of the feed-forward part, queries and keys are the widths of all heads
 * together, L = 4 * batch * time * vocabulary, and E = 4 * vocabulary * hidden. Activations count
 * next to temporaries although most are freed when the latter are largest, for the allocator keeps
 * them. The constants were fitted to the peak resident memory of models of 2 to 494 million
 * parameters on Linux with glibc, 1 to 16 sequences of 8 to 1,024 tokens, where the estimate was
 * within 5 %. Of a model of a few million parameters the runtime is most, and a long run may take a
 * tenth more than the estimate.
 *
 * <p>The JVM must be told to keep its heap small, with {@code -XX:MinHeapFreeRatio=5
 * -XX:MaxHeapFreeRatio=10}; without it G1 takes about a fifth more than {@link #heap}. Saving a
 * checkpoint needs no more.
 *
 * @param weights of the model
 * @param gradients of the same size
 * @param moments that the base optimizer keeps
 * @param latents of quantized parameters
 * @param lattices of quantized parameters
 * @param activations kept for the backward pass
 * @param temporaries of the backward pass
 * @param runtime all else
 */
public record MemoryEstimate(
    long weights,
    long gradients,
    long moments,
    long latents,
    long lattices,
    long activations,
    long temporaries,
    long runtime) {
  private static final long MIB = 1 << 20;

  /** Java and LibTorch after start, and their growth in training; C2 on vector kernels is half. */
  private static final long BASE = 640 * MIB;

  /** Gradients of matrices that the allocator holds back. */
  private static final long HELD = 12;

  /** Java heap used by classes, tokens and buffers. */
  private static final long HEAP_BASE = 50 * MIB;

  /** Heap that is free with the options above, for that in use. */
  private static final double HEAP_SLACK = 0.07;

  /**
   * Estimates a run.
   *
   * @param config what the model looks like
   * @param groups the parameters; not modified
   * @param momentsPerWeight moments that the base optimizer keeps: 2 for Adam and AdamW, 1 for SGD
   *     with momentum, 0 without; at least 0
   * @param precision in which they are kept
   * @param batchSize sequences in a batch, at least 1
   * @param sequenceLength tokens in each, at least 1
   * @return the estimate
   * @throws IllegalArgumentException if a number is out of range
   */
  public static MemoryEstimate of(
      ModelConfig config,
      List<ParamGroup> groups,
      int momentsPerWeight,
      Moments precision,
      int batchSize,
      int sequenceLength) {
    long all = 0;
    long moment = 0;
    long quantized = 0;
    long numbers = 0;
    for (ParamGroup group : groups) {
      QuantConfig quant = group.config();
      for (Parameter parameter : group.parameters()) {
        all += parameter.size();
        moment += precision.bytes(parameter.size());
        if (quant != null) {
          quantized += parameter.size();
          numbers += numbersPerBlock(quant) * blocks(parameter, quant);
        }
      }
    }
    Sizes sizes = new Sizes(all, quantized, 4 * numbers);
    Checks.atLeast("moments", momentsPerWeight, 0);
    return of(config, sizes, momentsPerWeight * moment, batchSize, sequenceLength);
  }

  private static long blocks(Parameter parameter, QuantConfig quant) {
    return BlockLayout.of(parameter.shape(), quant.granularity()).blocks();
  }

  private static long numbersPerBlock(QuantConfig quant) {
    long scales = quant.grid().scalesPerBlock();
    return scales + (quant.grid().hasZeroPoint() ? 1 : 0) + (quant.grid().hasOffset() ? 1 : 0);
  }

  /**
   * How large a model is.
   *
   * @param parameters number of parameters, tied ones once
   * @param quantized how many of them are quantized
   * @param latticeBytes bytes of their scales, zero points and offsets
   */
  public record Sizes(long parameters, long quantized, long latticeBytes) {}

  /**
   * Estimates a run of a model that is not in memory.
   *
   * @param config what the model looks like
   * @param sizes how large it is
   * @param momentsPerWeight as above
   * @param precision in which they are kept
   * @param batchSize sequences in a batch, at least 1
   * @param sequenceLength tokens in each, at least 1
   * @return the estimate
   * @throws IllegalArgumentException if a number is out of range
   */
  public static MemoryEstimate of(
      ModelConfig config,
      Sizes sizes,
      int momentsPerWeight,
      Moments precision,
      int batchSize,
      int sequenceLength) {
    Checks.atLeast("moments", momentsPerWeight, 0);
    long moments = momentsPerWeight * precision.bytes(sizes.parameters());
    return of(config, sizes, moments, batchSize, sequenceLength);
  }

  private static MemoryEstimate of(
      ModelConfig config, Sizes sizes, long moments, int batchSize, int sequenceLength) {
    Checks.atLeast("batch size", batchSize, 1);
    Checks.atLeast("sequence length", sequenceLength, 1);
    long weights = Math.multiplyExact(4, sizes.parameters());
    long latents = 4 * sizes.quantized();
    long tokens = (long) batchSize * sequenceLength;
    long heap = HEAP_BASE + moments + latents + sizes.latticeBytes();
    long held = HELD * 4 * config.hiddenSize() * config.intermediateSize();
    return new MemoryEstimate(
        weights,
        weights,
        moments,
        latents,
        sizes.latticeBytes(),
        Math.multiplyExact(4 * tokens, perToken(config)),
        temporaries(config, tokens),
        BASE + held + HEAP_BASE + (long) (HEAP_SLACK * heap));
  }

  private static long perToken(ModelConfig config) {
    long layer =
        4L * config.intermediateSize()
            + 4L * config.hiddenSize()
            + 5L * config.heads() * config.headDim()
            + 2L * config.keyValueHeads() * config.headDim();
    return layer * config.layers();
  }

  private static long temporaries(ModelConfig config, long tokens) {
    long logits = Math.multiplyExact(4 * tokens, (long) config.vocabSize());
    long embedding = 4L * config.vocabSize() * config.hiddenSize();
    long ends = Math.max(3 * logits, logits + embedding);
    return config.tiedHead() ? Math.max(ends, 3 * embedding) : ends;
  }

  /** {@return the peak of resident memory} */
  public long total() {
    return breakdown().values().stream().mapToLong(Long::longValue).sum();
  }

  /** {@return the part of it that is Java heap, which {@code -Xmx} must allow} */
  public long heap() {
    long used = HEAP_BASE + moments + latents + lattices;
    return used + (long) (HEAP_SLACK * used);
  }

  /** {@return the parts by name, which sum to the total} */
  public Map<String, Long> breakdown() {
    Map<String, Long> parts = new LinkedHashMap<>();
    parts.put("weights", weights);
    parts.put("gradients", gradients);
    parts.put("moments", moments);
    parts.put("latents", latents);
    parts.put("lattices", lattices);
    parts.put("activations", activations);
    parts.put("temporaries", temporaries);
    parts.put("runtime", runtime);
    return parts;
  }

  /** {@return the total and its parts in megabytes (10^6)} */
  @Override
  public String toString() {
    return breakdown().entrySet().stream()
        .map(part -> "%s %,d".formatted(part.getKey(), part.getValue() / 1_000_000))
        .collect(Collectors.joining(" + ", "%,d MB = ".formatted(total() / 1_000_000), ""));
  }
}

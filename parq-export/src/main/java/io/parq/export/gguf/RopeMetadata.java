package io.parq.export.gguf;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.export.model.Rope;
import io.parq.export.model.RopeScaling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rotary positions as llama.cpp wants them: values of the header, and for llama3 and longrope small
 * tensors of what each pair's frequency is divided by.
 *
 * <p>Source: llama.cpp's {@code llama-context.cpp} and {@code ggml_rope_yarn}.
 */
final class RopeMetadata {
  private final Family family;
  private final Rope rope;
  private final Rope local;

  RopeMetadata(ModelConfig config) {
    this.family = config.family();
    this.rope = config.rope();
    this.local = config.localRope();
  }

  /**
   * Checks that llama.cpp knows such positions in this family.
   *
   * @throws IllegalArgumentException if it does not
   */
  void check() {
    boolean known =
        switch (rope.scaling()) {
          case RopeScaling.None _, RopeScaling.Linear _ -> true;
          case RopeScaling.Yarn yarn -> {
            if (!yarn.truncate()) {
              throw new IllegalArgumentException("truncate: false, expected true for llama.cpp");
            }
            yield true;
          }
          case RopeScaling.Llama3 _ -> family == Family.LLAMA;
          case RopeScaling.LongRope _ -> family == Family.PHI3 || family == Family.LLAMA;
        };
    if (!known) {
      throw new IllegalArgumentException(
          "rope_type: %s, expected another type for llama.cpp's %s"
              .formatted(rope.scaling().type(), family));
    }
    if (family == Family.GEMMA3 && !(local.scaling() instanceof RopeScaling.None)) {
      throw new IllegalArgumentException(
          "rope_type: %s, expected default for layers with a window"
              .formatted(local.scaling().type()));
    }
  }

  void put(Metadata metadata) {
    String prefix = family + ".rope.";
    metadata.put(prefix + "dimension_count", rope.dimension());
    metadata.put(prefix + "freq_base", (float) rope.theta());
    if (family == Family.GEMMA3) {
      metadata.put(prefix + "freq_base_swa", (float) local.theta());
    }
    String scaling = prefix + "scaling.";
    switch (rope.scaling()) {
      case RopeScaling.None _, RopeScaling.Llama3 _ -> {}
      case RopeScaling.Linear linear -> {
        metadata.put(scaling + "type", linear.type());
        metadata.put(scaling + "factor", (float) linear.factor());
      }
      case RopeScaling.Yarn yarn -> putYarn(metadata, scaling, yarn);
      case RopeScaling.LongRope longRope -> {
        metadata.put(scaling + "type", longRope.type());
        metadata.put(scaling + "original_context_length", longRope.originalLength());
        metadata.put(scaling + "attn_factor", (float) longRope.magnitude());
      }
    }
  }

  private static void putYarn(Metadata metadata, String scaling, RopeScaling.Yarn yarn) {
    metadata.put(scaling + "type", yarn.type());
    metadata.put(scaling + "factor", (float) yarn.factor());
    metadata.put(scaling + "original_context_length", yarn.originalLength());
    metadata.put(scaling + "yarn_beta_fast", (float) yarn.betaFast());
    metadata.put(scaling + "yarn_beta_slow", (float) yarn.betaSlow());
    double usual = RopeScaling.Yarn.usualMagnitude(yarn.factor());
    if (yarn.magnitude() != usual) {
      // llama.cpp multiplies by the usual magnitude, and by this.
      metadata.put(scaling + "attn_factor", (float) (yarn.magnitude() / usual));
    }
  }

  /** Tensors of the file that the model does not have, by name. */
  Map<String, List<Float>> tensors() {
    return switch (rope.scaling()) {
      case RopeScaling.Llama3 llama3 -> Map.of("rope_freqs.weight", divisors(llama3));
      case RopeScaling.LongRope longRope -> {
        // In an order of their own, so that files are the same each time.
        Map<String, List<Float>> factors = new LinkedHashMap<>();
        factors.put("rope_factors_long.weight", floats(longRope.beyond()));
        factors.put("rope_factors_short.weight", floats(longRope.within()));
        yield factors;
      }
      default -> Map.of();
    };
  }

  private List<Float> divisors(RopeScaling.Llama3 llama3) {
    List<Float> divisors = new ArrayList<>();
    for (int i = 0; i < rope.dimension(); i += 2) {
      double frequency = Math.pow(rope.theta(), -(double) i / rope.dimension());
      divisors.add((float) (frequency / llama3.scaled(frequency)));
    }
    return divisors;
  }

  private static List<Float> floats(List<Double> numbers) {
    return numbers.stream().map(Double::floatValue).toList();
  }
}

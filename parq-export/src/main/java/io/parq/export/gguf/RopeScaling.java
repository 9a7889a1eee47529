package io.parq.export.gguf;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Rotary positions as llama.cpp wants them: values of the header, and for llama3 and longrope small
 * tensors of what each pair's frequency is divided by.
 *
 * <p>Source: transformers' {@code modeling_rope_utils.py}; llama.cpp's {@code llama-context.cpp}
 * and {@code ggml_rope_yarn}.
 */
final class RopeScaling {
  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";
  private static final double THETA = 10_000;
  private static final double GEMMA_THETA = 1_000_000;

  private final Architecture architecture;
  private final HfConfig config;
  private final int headDim;
  private final @Nullable HfConfig parameters;
  private final double theta;
  private final Map<String, List<Float>> tensors = new LinkedHashMap<>();

  RopeScaling(Architecture architecture, HfConfig config, int headDim) {
    this.architecture = architecture;
    this.config = config;
    this.headDim = headDim;
    HfConfig old = config.object("rope_scaling");
    this.parameters = old == null ? layerType(FULL) : old;
    double otherwise = architecture == Architecture.GEMMA3 ? GEMMA_THETA : THETA;
    this.theta = theta(parameters, config.number("rope_theta", otherwise));
  }

  /** Of gemma3 those of one kind of layer, otherwise those of all. */
  private @Nullable HfConfig layerType(String name) {
    HfConfig all = config.object("rope_parameters");
    return all == null || architecture != Architecture.GEMMA3 ? all : all.object(name);
  }

  private static double theta(@Nullable HfConfig parameters, double otherwise) {
    return parameters == null ? otherwise : parameters.number("rope_theta", otherwise);
  }

  /** Tensors of the file that the model does not have, by name. */
  Map<String, List<Float>> tensors() {
    return tensors;
  }

  /** Adds the values, and finds the tensors. */
  void put(Metadata metadata) {
    String prefix = architecture + ".rope.";
    metadata.put(prefix + "dimension_count", dimension());
    metadata.put(prefix + "freq_base", (float) theta);
    if (architecture == Architecture.GEMMA3) {
      putLocal(metadata, prefix);
    }
    if (parameters == null) {
      return;
    }
    String scaling = prefix + "scaling.";
    switch (type(parameters)) {
      case "default" -> {}
      case "linear" -> {
        metadata.put(scaling + "type", "linear");
        metadata.put(scaling + "factor", (float) parameters.number("factor"));
      }
      case "yarn" -> putYarn(metadata, scaling, parameters);
      case "llama3" -> {
        // llama.cpp reads such factors for llama alone.
        if (architecture != Architecture.LLAMA) {
          throw parameters.error("rope_type", "another type for " + architecture);
        }
        tensors.put("rope_freqs.weight", llama3(parameters));
      }
      case "longrope" -> putLongRope(metadata, scaling, parameters);
      default ->
          throw parameters.error(
              parameters.has("rope_type") ? "rope_type" : "type",
              "default, linear, llama3, yarn or longrope");
    }
  }

  private void putLocal(Metadata metadata, String prefix) {
    HfConfig local = layerType(SLIDING);
    double base = theta(local, config.number("rope_local_base_freq", THETA));
    if (local != null && !type(local).equals("default")) {
      throw local.error("rope_type", "default for layers with a window");
    }
    metadata.put(prefix + "freq_base_swa", (float) base);
  }

  private String type(HfConfig rope) {
    if (!rope.has("rope_type") && !rope.has("type")) {
      return "default";
    }
    String type = rope.text(rope.has("rope_type") ? "rope_type" : "type");
    boolean early = architecture == Architecture.PHI3 && (type.equals("su") || type.equals("yarn"));
    return early ? "longrope" : type;
  }

  /** Elements of a head that are turned. */
  private int dimension() {
    HfConfig holder =
        parameters != null && parameters.has("partial_rotary_factor") ? parameters : config;
    double part = holder.number("partial_rotary_factor", 1);
    int dimension = (int) (headDim * part);
    boolean whole = architecture != Architecture.PHI3 && dimension != headDim;
    if (part > 1 || dimension < 2 || dimension % 2 != 0 || whole) {
      throw holder.error(
          "partial_rotary_factor",
          architecture == Architecture.PHI3 ? "an even number of a head's elements" : "1");
    }
    return dimension;
  }

  private int originalLength(HfConfig rope) {
    String key = "original_max_position_embeddings";
    if (architecture == Architecture.PHI3 && config.has(key)) {
      return config.integer(key);
    }
    return rope.has(key) ? rope.integer(key) : config.integer("max_position_embeddings");
  }

  private double factor(HfConfig rope) {
    return rope.has("factor")
        ? rope.number("factor")
        : (double) config.integer("max_position_embeddings") / originalLength(rope);
  }

  private void putYarn(Metadata metadata, String scaling, HfConfig rope) {
    if (!rope.flag("truncate", true)) {
      throw rope.error("truncate", "true");
    }
    double factor = factor(rope);
    metadata.put(scaling + "type", "yarn");
    metadata.put(scaling + "factor", (float) factor);
    metadata.put(scaling + "original_context_length", originalLength(rope));
    metadata.put(scaling + "yarn_beta_fast", (float) rope.number("beta_fast", 32));
    metadata.put(scaling + "yarn_beta_slow", (float) rope.number("beta_slow", 1));
    double usual = mscale(factor, 1);
    double magnitude = usual;
    if (rope.has("attention_factor")) {
      magnitude = rope.number("attention_factor");
    } else if (rope.has("mscale") && rope.has("mscale_all_dim")) {
      magnitude =
          mscale(factor, rope.number("mscale")) / mscale(factor, rope.number("mscale_all_dim"));
    }
    if (magnitude != usual) {
      // llama.cpp multiplies by the usual magnitude, and by this.
      metadata.put(scaling + "attn_factor", (float) (magnitude / usual));
    }
  }

  private static double mscale(double factor, double weight) {
    return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  }

  /** Llama 3.1: long waves are slowed by the factor, short ones kept, those between blended. */
  private List<Float> llama3(HfConfig rope) {
    double factor = rope.number("factor");
    double low = rope.number("low_freq_factor");
    double high = rope.number("high_freq_factor");
    double length = originalLength(rope);
    DoubleUnaryOperator divisor =
        frequency -> {
          double turns = length * frequency / (2 * Math.PI);
          double kept = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
          return 1 / ((1 - kept) / factor + kept);
        };
    List<Float> divisors = new ArrayList<>();
    int dimension = dimension();
    for (int i = 0; i < dimension; i += 2) {
      divisors.add((float) divisor.applyAsDouble(Math.pow(theta, -(double) i / dimension)));
    }
    return divisors;
  }

  private void putLongRope(Metadata metadata, String scaling, HfConfig rope) {
    if (architecture != Architecture.PHI3 && architecture != Architecture.LLAMA) {
      throw rope.error("rope_type", "another type for " + architecture);
    }
    int length = originalLength(rope);
    double factor = factor(rope);
    double magnitude =
        rope.has("attention_factor")
            ? rope.number("attention_factor")
            : factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(length));
    metadata.put(scaling + "type", "longrope");
    metadata.put(scaling + "original_context_length", length);
    metadata.put(scaling + "attn_factor", (float) magnitude);
    int pairs = dimension() / 2;
    tensors.put("rope_factors_long.weight", floats(rope.numbers("long_factor", pairs)));
    tensors.put("rope_factors_short.weight", floats(rope.numbers("short_factor", pairs)));
  }

  private static List<Float> floats(List<Double> numbers) {
    return numbers.stream().map(Double::floatValue).toList();
  }
}

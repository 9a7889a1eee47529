package io.parq.export.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads rotary embeddings from config.json, in the spelling of transformers 5 ({@code
 * rope_parameters}) and in the one before ({@code rope_theta}, {@code rope_scaling}, {@code
 * partial_rotary_factor}, {@code rope_local_base_freq}). Where both are there, {@code rope_scaling}
 * counts, as in transformers.
 */
final class RopeReader {
  private static final double DEFAULT_THETA = 10_000;
  private static final double GEMMA_THETA = 1_000_000;

  private final Family family;
  private final JsonFields config;
  private final int headDim;

  RopeReader(Family family, JsonFields config, int headDim) {
    this.family = family;
    this.config = config;
    this.headDim = headDim;
  }

  /** The embedding of layers without a window, and of all layers but Gemma's with a window. */
  Rope global() {
    if (family != Family.GEMMA3) {
      JsonFields old = config.object("rope_scaling");
      JsonFields parameters = old == null ? config.object("rope_parameters") : old;
      return read(parameters, config.positive("rope_theta", DEFAULT_THETA));
    }
    JsonFields old = config.object("rope_scaling");
    JsonFields parameters = old == null ? layerType("full_attention") : old;
    return read(parameters, config.positive("rope_theta", GEMMA_THETA));
  }

  /** The embedding of layers with a window. */
  Rope local() {
    return family == Family.GEMMA3
        ? read(
            layerType("sliding_attention"), config.positive("rope_local_base_freq", DEFAULT_THETA))
        : global();
  }

  private @Nullable JsonFields layerType(String name) {
    JsonFields parameters = config.object("rope_parameters");
    return parameters == null ? null : parameters.object(name);
  }

  private Rope read(@Nullable JsonFields parameters, double outerTheta) {
    JsonFields rope = parameters == null ? JsonFields.parse("{}") : parameters;
    double theta = rope.positive("rope_theta", outerTheta);
    String type = type(rope);
    int dimension = dimension(rope);
    RopeScaling scaling =
        switch (type) {
          case "default" -> new RopeScaling.None();
          case "linear" -> new RopeScaling.Linear(rope.positive("factor"));
          case "llama3" -> llama3(rope);
          case "yarn" -> yarn(rope);
          case "longrope" -> longrope(rope, dimension / 2);
          default ->
              throw rope.error(
                  rope.has("rope_type") ? "rope_type" : "type",
                  family == Family.PHI3
                      ? "default or longrope"
                      : "one of default, linear, llama3, yarn, longrope");
        };
    return new Rope(dimension, theta, scaling);
  }

  private String type(JsonFields rope) {
    if (!rope.has("rope_type") && !rope.has("type")) {
      return "default";
    }
    String type = rope.text(rope.has("rope_type") ? "rope_type" : "type");
    if (family != Family.PHI3) {
      return type;
    }
    // Early Phi-3 folders call longrope by these names.
    return switch (type) {
      case "su", "yarn" -> "longrope";
      case "default", "longrope" -> type;
      default -> "unsupported";
    };
  }

  private int dimension(JsonFields rope) {
    JsonFields holder = rope.has("partial_rotary_factor") ? rope : config;
    if (family != Family.PHI3) {
      holder.require("partial_rotary_factor", 1.0);
    }
    double part = holder.positive("partial_rotary_factor", 1);
    int dimension = (int) (headDim * part);
    if (part > 1 || dimension < 2 || dimension % 2 != 0) {
      throw holder.error(
          "partial_rotary_factor",
          "a factor that makes an even number of 2 to %d elements".formatted(headDim));
    }
    return dimension;
  }

  private int originalLength(JsonFields rope) {
    if (family == Family.PHI3 && config.has("original_max_position_embeddings")) {
      return config.integer("original_max_position_embeddings");
    }
    return rope.has("original_max_position_embeddings")
        ? rope.integer("original_max_position_embeddings")
        : config.integer("max_position_embeddings");
  }

  private double factor(JsonFields rope) {
    return rope.has("factor")
        ? rope.positive("factor")
        : (double) config.integer("max_position_embeddings") / originalLength(rope);
  }

  private RopeScaling llama3(JsonFields rope) {
    double factor = rope.positive("factor");
    double low = rope.positive("low_freq_factor");
    double high = rope.positive("high_freq_factor");
    if (!(high > low)) {
      throw rope.error("high_freq_factor", "more than low_freq_factor, " + low);
    }
    return new RopeScaling.Llama3(factor, low, high, originalLength(rope));
  }

  private RopeScaling yarn(JsonFields rope) {
    return new RopeScaling.Yarn(
        factor(rope),
        originalLength(rope),
        rope.positive("beta_fast", 32),
        rope.positive("beta_slow", 1),
        rope.flag("truncate", true),
        yarnMagnitude(rope));
  }

  private double yarnMagnitude(JsonFields rope) {
    if (rope.has("attention_factor")) {
      return rope.positive("attention_factor");
    }
    double factor = factor(rope);
    if (rope.has("mscale") && rope.has("mscale_all_dim")) {
      return RopeScaling.Yarn.magnitude(factor, rope.positive("mscale"))
          / RopeScaling.Yarn.magnitude(factor, rope.positive("mscale_all_dim"));
    }
    return RopeScaling.Yarn.usualMagnitude(factor);
  }

  private RopeScaling longrope(JsonFields rope, int pairs) {
    int length = originalLength(rope);
    double factor = factor(rope);
    double magnitude =
        rope.has("attention_factor")
            ? rope.positive("attention_factor")
            : factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(length));
    return new RopeScaling.LongRope(
        numbers(rope, "short_factor", pairs),
        numbers(rope, "long_factor", pairs),
        length,
        magnitude);
  }

  private static List<Double> numbers(JsonFields rope, String key, int count) {
    return rope.list(key, count, "numbers").stream().map(JsonNode::doubleValue).toList();
  }
}

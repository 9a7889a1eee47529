package io.parq.export.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
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
    int pairs = pairs(rope);
    IntToDoubleFunction base =
        i -> 1 / (double) (float) Math.pow(theta, (float) (2 * i) / (2 * pairs));
    return switch (type) {
      case "default" -> plain(type, theta, frequencies(pairs, base), 1);
      case "linear" -> {
        double factor = rope.positive("factor");
        yield plain(type, theta, frequencies(pairs, i -> base.applyAsDouble(i) / factor), 1);
      }
      case "llama3" -> plain(type, theta, frequencies(pairs, llama3(rope, base)), 1);
      case "yarn" ->
          plain(type, theta, frequencies(pairs, yarn(rope, theta, pairs, base)), yarnScale(rope));
      case "longrope" -> longrope(rope, theta, pairs, base);
      default ->
          throw rope.error(
              rope.has("rope_type") ? "rope_type" : "type",
              family == Family.PHI3
                  ? "default or longrope"
                  : "one of default, linear, llama3, yarn, longrope");
    };
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

  private int pairs(JsonFields rope) {
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
    return dimension / 2;
  }

  private static List<Float> frequencies(int pairs, IntToDoubleFunction frequency) {
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < pairs; i++) {
      values.add((float) frequency.applyAsDouble(i));
    }
    return values;
  }

  private static Rope plain(String type, double theta, List<Float> frequencies, double magnitude) {
    return new Rope(type, theta, frequencies, frequencies, Integer.MAX_VALUE, magnitude);
  }

  private int originalLength(JsonFields rope) {
    if (family == Family.PHI3 && config.has("original_max_position_embeddings")) {
      return config.integer("original_max_position_embeddings");
    }
    return rope.has("original_max_position_embeddings")
        ? rope.integer("original_max_position_embeddings")
        : config.integer("max_position_embeddings");
  }

  /** Llama 3.1: long waves are slowed by the factor, short ones kept, those between blended. */
  private IntToDoubleFunction llama3(JsonFields rope, IntToDoubleFunction base) {
    double factor = rope.positive("factor");
    double low = rope.positive("low_freq_factor");
    double high = rope.positive("high_freq_factor");
    double length = originalLength(rope);
    if (!(high > low)) {
      throw rope.error("high_freq_factor", "more than low_freq_factor, " + low);
    }
    return i -> {
      double frequency = base.applyAsDouble(i);
      double turns = length * frequency / (2 * Math.PI);
      double kept = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
      return (1 - kept) * frequency / factor + kept * frequency;
    };
  }

  /** YaRN (arXiv 2309.00071), section 3.2: the same idea with a ramp over the pairs' indices. */
  private IntToDoubleFunction yarn(
      JsonFields rope, double theta, int pairs, IntToDoubleFunction base) {
    double factor = yarnFactor(rope);
    double length = originalLength(rope);
    double low = yarnPair(rope.positive("beta_fast", 32), length, theta, pairs);
    double high = yarnPair(rope.positive("beta_slow", 1), length, theta, pairs);
    if (rope.flag("truncate", true)) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    double first = Math.max(low, 0);
    double last = Math.min(high, 2.0 * pairs - 1);
    double span = first == last ? 0.001 : last - first;
    return i -> {
      double slowed = Math.clamp((i - first) / span, 0.0, 1.0);
      double frequency = base.applyAsDouble(i);
      return frequency / factor * slowed + frequency * (1 - slowed);
    };
  }

  private double yarnFactor(JsonFields rope) {
    return rope.has("factor")
        ? rope.positive("factor")
        : (double) config.integer("max_position_embeddings") / originalLength(rope);
  }

  /** The pair that turns so many times within the length; a fraction in general. */
  private static double yarnPair(double turns, double length, double theta, int pairs) {
    return pairs * Math.log(length / (turns * 2 * Math.PI)) / Math.log(theta);
  }

  private double yarnScale(JsonFields rope) {
    if (rope.has("attention_factor")) {
      return rope.positive("attention_factor");
    }
    double factor = yarnFactor(rope);
    if (rope.has("mscale") && rope.has("mscale_all_dim")) {
      return mscale(factor, rope.positive("mscale"))
          / mscale(factor, rope.positive("mscale_all_dim"));
    }
    return mscale(factor, 1);
  }

  private static double mscale(double factor, double weight) {
    return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  }

  /** LongRoPE (arXiv 2402.13753): a factor for each pair, another set beyond the old length. */
  private Rope longrope(JsonFields rope, double theta, int pairs, IntToDoubleFunction base) {
    List<JsonNode> within = rope.list("short_factor", pairs, "numbers");
    List<JsonNode> beyond = rope.list("long_factor", pairs, "numbers");
    int length = originalLength(rope);
    double factor =
        rope.has("factor")
            ? rope.positive("factor")
            : (double) config.integer("max_position_embeddings") / length;
    double magnitude =
        rope.has("attention_factor")
            ? rope.positive("attention_factor")
            : factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(length));
    return new Rope(
        "longrope",
        theta,
        frequencies(pairs, i -> base.applyAsDouble(i) / within.get(i).doubleValue()),
        frequencies(pairs, i -> base.applyAsDouble(i) / beyond.get(i).doubleValue()),
        length,
        magnitude);
  }
}

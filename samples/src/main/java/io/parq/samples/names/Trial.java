package io.parq.samples.names;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.optim.ParameterFilter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A way to bring a model to few bits, as the long study compares them; the embedding has 4 bits in
 * each.
 *
 * @param weights the linear layers' weights, as the table calls them
 * @param method how the model comes to them
 * @param configs what is quantized, and how
 */
record Trial(String weights, String method, Map<ParameterFilter, QuantConfig> configs) {
  static final String BASE = "base";
  static final String CONTROL = "control";
  static final String NEAREST = "PTQ nearest";
  static final String OPTIMAL = "PTQ error-optimal";
  static final String PARQ = "PARQ";
  static final String STRAIGHT_THROUGH = "straight-through";

  /** The unquantized weights' name. */
  static final String FP32 = "fp32";

  private static final String EMBEDDING = "symmetric:4";
  private static final Granularity ROW = Granularity.perRow();
  private static final Granularity GROUP = Granularity.perGroup(32);

  /** {@return the roundings of a model without training} */
  static List<Trial> roundings() {
    return List.of(
        rounding("4 bits", "symmetric:4", ROW, false),
        rounding("4 bits", "symmetric:4", ROW, true),
        rounding("4 bits, groups of 32", "symmetric:4", GROUP, false),
        rounding("4 bits, groups of 32", "symmetric:4", GROUP, true),
        rounding("3 bits", "stretched:3", ROW, false),
        rounding("3 bits", "stretched:3", ROW, true),
        rounding("2 bits", "stretched:2", ROW, false),
        rounding("2 bits", "stretched:2", ROW, true),
        rounding("ternary", "ternary", ROW, false),
        rounding("ternary", "ternary", ROW, true));
  }

  /** {@return what is trained on from a long base} */
  static List<Trial> main() {
    return List.of(
        trial("4 bits", "symmetric:4", ScaleType.BF16, PARQ),
        trial("3 bits", "stretched:3", ScaleType.BF16, PARQ),
        trial("2 bits", "stretched:2", ScaleType.BF16, PARQ),
        trial("ternary", "ternary+error-optimal", ScaleType.BF16, PARQ));
  }

  /** {@return what else is trained on from a short base: one thing changed at a time} */
  static List<Trial> variants() {
    return List.of(
        trial("3 bits", "stretched:3", ScaleType.BF16, STRAIGHT_THROUGH),
        trial("2 bits", "stretched:2", ScaleType.BF16, STRAIGHT_THROUGH),
        trial("ternary", "ternary+error-optimal", ScaleType.BF16, STRAIGHT_THROUGH),
        trial("3 bits, error-optimal fit", "stretched:3+error-optimal", ScaleType.BF16, PARQ),
        trial("2 bits, error-optimal fit", "stretched:2+error-optimal", ScaleType.BF16, PARQ),
        trial("ternary, usual fit", "ternary", ScaleType.BF16, PARQ),
        trial("3 bits, symmetric", "symmetric:3", ScaleType.BF16, PARQ),
        trial("2 bits, symmetric", "symmetric:2", ScaleType.BF16, PARQ),
        trial("3 bits, fp32 scales", "stretched:3", ScaleType.FP32, PARQ),
        trial("2 bits, fp32 scales", "stretched:2", ScaleType.FP32, PARQ));
  }

  /** {@return whether weights are trained on, as against rounded once} */
  boolean trained() {
    return method.equals(PARQ) || method.equals(STRAIGHT_THROUGH);
  }

  private static Trial rounding(
      String weights, String grid, Granularity granularity, boolean errorOptimal) {
    String fit = errorOptimal ? "+error-optimal" : "";
    return new Trial(
        weights,
        errorOptimal ? OPTIMAL : NEAREST,
        configs(
            new QuantConfig(Grid.parse(grid + fit), granularity, ScaleType.BF16),
            new QuantConfig(Grid.parse(EMBEDDING + fit), ROW, ScaleType.BF16)));
  }

  private static Trial trial(String weights, String grid, ScaleType scales, String method) {
    return new Trial(
        weights,
        method,
        configs(
            new QuantConfig(Grid.parse(grid), ROW, scales),
            new QuantConfig(Grid.parse(EMBEDDING), ROW, scales)));
  }

  private static Map<ParameterFilter, QuantConfig> configs(
      QuantConfig linear, QuantConfig embedding) {
    Map<ParameterFilter, QuantConfig> configs = new LinkedHashMap<>();
    configs.put(ParameterFilter.linear(), linear);
    configs.put(ParameterFilter.embedding(), embedding);
    return configs;
  }
}

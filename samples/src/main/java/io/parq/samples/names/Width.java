package io.parq.samples.names;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.optim.ParameterFilter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The widths of the linear layers' weights; the embedding has 4 bits in each. */
enum Width {
  FOUR("4 bits", "symmetric:4", "symmetric:4", false),
  THREE("3 bits", "stretched:3", "stretched:3", true),
  TWO("2 bits", "stretched:2", "stretched:2", true),
  TERNARY("ternary", "ternary", "ternary+error-optimal", false);

  private static final String EMBEDDING = "symmetric:4";

  private final String label;
  private final String grid;
  private final String trainedGrid;
  private final boolean inShortRun;

  Width(String label, String grid, String trainedGrid, boolean inShortRun) {
    this.label = label;
    this.grid = grid;
    this.trainedGrid = trainedGrid;
    this.inShortRun = inShortRun;
  }

  /** {@return the widths of a run} */
  static List<Width> of(boolean full) {
    return Arrays.stream(values()).filter(width -> full || width.inShortRun).toList();
  }

  /** {@return the name in tables} */
  String label() {
    return label;
  }

  /** {@return the name in files: 4bits, ternary, ...} */
  String fileName() {
    return label.replace(" ", "");
  }

  /**
   * {@return the linear layers' levels: one scale a row, kept in bfloat16}
   *
   * @param method how the model comes to them
   */
  QuantConfig linear(Method method) {
    return config(method == Method.QAT ? trainedGrid : grid, method.errorOptimal());
  }

  /**
   * {@return the embedding's levels, in the same way}
   *
   * @param method as for {@link #linear}
   */
  QuantConfig embedding(Method method) {
    return config(EMBEDDING, method.errorOptimal());
  }

  /**
   * {@return all that is quantized}
   *
   * @param method as for {@link #linear}
   */
  Map<ParameterFilter, QuantConfig> configs(Method method) {
    Map<ParameterFilter, QuantConfig> configs = new LinkedHashMap<>();
    configs.put(ParameterFilter.linear(), linear(method));
    configs.put(ParameterFilter.embedding(), embedding(method));
    return configs;
  }

  private static QuantConfig config(String grid, boolean errorOptimal) {
    return new QuantConfig(
        Grid.parse(errorOptimal ? grid + "+error-optimal" : grid),
        Granularity.perRow(),
        ScaleType.BF16);
  }
}

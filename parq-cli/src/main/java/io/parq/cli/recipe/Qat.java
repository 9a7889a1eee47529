package io.parq.cli.recipe;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.optim.Parameter;
import io.parq.optim.Parameter.Kind;
import io.parq.optim.ParameterFilter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is quantized and how.
 *
 * @param linear weights of linear layers; null: not quantized
 * @param embedding embedding tables; null: not quantized
 * @param filters exceptions by name; the first that fits a parameter counts
 * @param activations how the inputs of linear layers are rounded; null: not
 * @param prox how weights get to their levels
 * @param warmupSteps steps before quantization begins
 * @param quantPeriod steps after which scales are fitted again, at least 1
 * @param quantShrink whether weights are divided by the sum of learning rates before they are
 *     pulled
 * @param annealWdFrac fraction of the weight decay that fades as the pull grows, 0 to 1
 */
public record Qat(
    @Nullable QuantConfig linear,
    @Nullable QuantConfig embedding,
    List<Named> filters,
    @Nullable ActivationQuantization activations,
    Prox prox,
    Steps warmupSteps,
    int quantPeriod,
    boolean quantShrink,
    double annealWdFrac) {
  /** Copies the list. */
  public Qat {
    filters = List.copyOf(filters);
  }

  /**
   * An exception for some parameters.
   *
   * @param name their names, as {@link ParameterFilter#named} takes them
   * @param config how they are quantized; null: not
   */
  public record Named(String name, @Nullable QuantConfig config) {}

  /** {@return whether any weights are quantized} */
  public boolean quantizesWeights() {
    return !configs().isEmpty();
  }

  /**
   * {@return how the parameters that a filter chooses are quantized} No parameter is chosen by two:
   * names come first, in their order, and leave norms and biases alone.
   */
  public Map<ParameterFilter, QuantConfig> configs() {
    Map<ParameterFilter, QuantConfig> configs = new LinkedHashMap<>();
    ParameterFilter left = ParameterFilter.kind(Kind.NORM, Kind.BIAS).not();
    for (Named filter : filters) {
      ParameterFilter named = ParameterFilter.named(filter.name());
      put(configs, left.and(named), filter.config());
      left = left.and(named.not());
    }
    put(
        configs,
        filters.isEmpty() ? ParameterFilter.linear() : left.and(ParameterFilter.linear()),
        linear);
    put(
        configs,
        filters.isEmpty() ? ParameterFilter.embedding() : left.and(ParameterFilter.embedding()),
        embedding);
    return configs;
  }

  /**
   * {@return the key that says how a parameter is quantized}
   *
   * @param parameter one that {@link #configs} chooses
   */
  public String key(Parameter parameter) {
    for (int i = 0; i < filters.size(); i++) {
      if (ParameterFilter.named(filters.get(i).name()).test(parameter)) {
        return "qat.filters[" + i + "]";
      }
    }
    return parameter.kind() == Kind.EMBEDDING ? "qat.embedding" : "qat.linear";
  }

  private static void put(
      Map<ParameterFilter, QuantConfig> configs,
      ParameterFilter filter,
      @Nullable QuantConfig config) {
    if (config != null) {
      configs.put(filter, config);
    }
  }

  /**
   * {@return the steps before quantization begins}
   *
   * @param totalSteps all steps, at least 1
   * @throws KeyException if none is left to quantize in
   */
  public long warmup(long totalSteps) {
    long steps = warmupSteps.of(totalSteps);
    if (steps >= totalSteps) {
      throw new KeyException(
          "qat.warmup_steps",
          "found %s, expected fewer than all %d steps, or nothing is quantized"
              .formatted(warmupSteps, totalSteps));
    }
    return steps;
  }
}

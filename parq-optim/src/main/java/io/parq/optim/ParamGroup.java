package io.parq.optim;

import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Parameters that share hyperparameters and, if they are quantized, a configuration. The learning
 * rate and weight decay may be changed between steps; an optimizer that is built over the group
 * sets those that nobody set before.
 */
public final class ParamGroup {
  private final List<Parameter> parameters;
  private final @Nullable QuantConfig config;
  private double learningRate = Double.NaN;
  private double weightDecay = Double.NaN;

  /**
   * Groups parameters.
   *
   * @param parameters at least one; copied
   * @param config how they are quantized, or null if they are not
   * @throws IllegalArgumentException if there is no parameter, or the configuration's granularity
   *     does not fit a parameter's shape; the message names the parameter
   */
  public ParamGroup(List<Parameter> parameters, @Nullable QuantConfig config) {
    if (parameters.isEmpty()) {
      throw new IllegalArgumentException("group without parameters, expected at least one");
    }
    this.parameters = List.copyOf(parameters);
    this.config = config;
    if (config != null) {
      this.parameters.forEach(parameter -> lattice(parameter, config));
    }
  }

  static Lattice lattice(Parameter parameter, QuantConfig config) {
    try {
      return Lattice.unfitted(config, parameter.shape());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(parameter.name() + ": " + e.getMessage(), e);
    }
  }

  /**
   * Sorts a model's parameters into groups: one for each filter that chooses any, in the order in
   * which the parameters meet them, then one for the rest, which is not quantized. Parameters over
   * the same memory are tied: the first stands for all, and the others' names become its aliases.
   *
   * <p>Unlike torchao's grouping, which sets the weight decay of the unquantized group to 0, this
   * one leaves it to the optimizer's default.
   *
   * @param parameters the parameters, names distinct; not modified
   * @param configs how the parameters that a filter chooses are quantized; not modified
   * @return the groups, none empty
   * @throws IllegalArgumentException if two filters choose one parameter, a granularity does not
   *     fit a shape, two names are equal, memory of two parameters overlaps without being the same,
   *     or tied parameters differ in shape or gradient memory; the message names the parameters
   */
  public static List<ParamGroup> assign(
      List<Parameter> parameters, Map<ParameterFilter, QuantConfig> configs) {
    Map<ParameterFilter, List<Parameter>> chosen = new LinkedHashMap<>();
    List<Parameter> rest = new ArrayList<>();
    for (Parameter parameter : TiedParameters.merge(parameters)) {
      ParameterFilter filter = onlyMatch(parameter, configs);
      if (filter == null) {
        rest.add(parameter);
      } else {
        chosen.computeIfAbsent(filter, key -> new ArrayList<>()).add(parameter);
      }
    }
    List<ParamGroup> groups = new ArrayList<>();
    chosen.forEach((filter, members) -> groups.add(new ParamGroup(members, configs.get(filter))));
    if (!rest.isEmpty()) {
      groups.add(new ParamGroup(rest, null));
    }
    return List.copyOf(groups);
  }

  private static @Nullable ParameterFilter onlyMatch(
      Parameter parameter, Map<ParameterFilter, QuantConfig> configs) {
    List<ParameterFilter> matches =
        configs.keySet().stream()
            .filter(filter -> filter.test(parameter))
            .sorted(Comparator.comparing(ParameterFilter::toString))
            .toList();
    if (matches.size() > 1) {
      ParameterFilter first = matches.get(0);
      ParameterFilter second = matches.get(1);
      throw new IllegalArgumentException(
          "%s: chosen by both %s (%s) and %s (%s), expected at most one filter"
              .formatted(parameter.name(), first, configs.get(first), second, configs.get(second)));
    }
    return matches.isEmpty() ? null : matches.get(0);
  }

  /** {@return the parameters} */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** {@return how the parameters are quantized, or null if they are not} */
  public @Nullable QuantConfig config() {
    return config;
  }

  /** {@return the learning rate, NaN as long as neither caller nor optimizer set it} */
  public double learningRate() {
    return learningRate;
  }

  /** {@return the weight decay, NaN as long as neither caller nor optimizer set it} */
  public double weightDecay() {
    return weightDecay;
  }

  /**
   * Sets the learning rate, in effect from the next step.
   *
   * @param rate finite and at least 0
   * @return this
   * @throws IllegalArgumentException if it is not
   */
  public ParamGroup learningRate(double rate) {
    learningRate = Checks.nonNegative("learning rate", rate);
    return this;
  }

  /**
   * Sets the weight decay, in effect from the next step.
   *
   * @param decay finite and at least 0
   * @return this
   * @throws IllegalArgumentException if it is not
   */
  public ParamGroup weightDecay(double decay) {
    weightDecay = Checks.nonNegative("weight decay", decay);
    return this;
  }

  /** Sets what is not set yet. */
  void defaults(double rate, double decay) {
    if (Double.isNaN(learningRate)) {
      learningRate(rate);
    }
    if (Double.isNaN(weightDecay)) {
      weightDecay(decay);
    }
  }

  @Override
  public String toString() {
    return (config == null ? "unquantized" : config.toString()) + " " + parameters;
  }
}

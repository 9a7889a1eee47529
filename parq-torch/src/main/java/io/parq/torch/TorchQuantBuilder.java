package io.parq.torch;

import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.optim.Optimizer;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.optim.QuantBuilder;
import io.parq.optim.QuantSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Settings of a {@link TorchQuantOptimizer}; all but the base have defaults. */
public final class TorchQuantBuilder extends QuantBuilder<TorchQuantBuilder> {
  private final TorchParameters parameters;
  private final Map<ParameterFilter, QuantConfig> configs = new LinkedHashMap<>();
  private org.bytedeco.pytorch.@Nullable Optimizer libTorch;
  private @Nullable Function<List<ParamGroup>, Optimizer> factory;

  TorchQuantBuilder(TorchParameters parameters) {
    this.parameters = parameters;
  }

  /**
   * Takes LibTorch's optimizer as the base, for tensors of any kind.
   *
   * @param optimizer AdamW or SGD over the module's parameters; {@link LibTorchOptimizer} tells
   *     what is done to its groups
   * @return this
   */
  public TorchQuantBuilder base(org.bytedeco.pytorch.Optimizer optimizer) {
    libTorch = optimizer;
    factory = null;
    return this;
  }

  /**
   * Takes an optimizer of {@code io.parq.optim} as the base, for float tensors on the CPU.
   *
   * @param optimizer makes it over the groups, such as {@code groups -> new AdamW(groups, 1e-3)};
   *     it may divide the groups further
   * @return this
   */
  public TorchQuantBuilder base(Function<List<ParamGroup>, Optimizer> optimizer) {
    factory = optimizer;
    libTorch = null;
    return this;
  }

  /**
   * Quantizes parameters, in addition to those chosen before.
   *
   * @param filter chooses them
   * @param config how
   * @return this
   */
  public TorchQuantBuilder quantize(ParameterFilter filter, QuantConfig config) {
    configs.put(filter, config);
    return this;
  }

  /**
   * Quantizes parameters, in addition to those chosen before.
   *
   * @param added how those that a filter chooses are quantized
   * @return this
   */
  public TorchQuantBuilder quantize(Map<ParameterFilter, QuantConfig> added) {
    configs.putAll(added);
    return this;
  }

  @Override
  protected TorchQuantBuilder self() {
    return this;
  }

  /**
   * Builds the optimizer.
   *
   * @return the optimizer
   * @throws IllegalArgumentException if a configuration does not fit a shape, two filters choose
   *     one parameter, a grid or map is not available for a parameter's device or element type, a
   *     number is out of range, or as {@link LibTorchOptimizer#of}
   * @throws io.parq.optim.TargetException if the target cannot hold a parameter
   * @throws IllegalStateException if there is no base
   */
  public TorchQuantOptimizer build() {
    QuantSettings settings = settings();
    if (factory != null) {
      TorchLatents none = new TorchLatents(List.of(), settings);
      Optimizer base = factory.apply(checked(ParamGroup.assign(parameters.parameters(), configs)));
      return new TorchQuantOptimizer(parameters, settings, none, base, base.groups());
    }
    if (libTorch == null) {
      throw new IllegalStateException("no base optimizer, expected base(..) before build()");
    }
    TorchLatents latents = new TorchLatents(parameters.tensors(), settings);
    List<Parameter> all = new ArrayList<>(parameters.hostParameters());
    all.addAll(latents.parameters());
    List<ParamGroup> separate = latents.separate(checked(ParamGroup.assign(all, configs)));
    latents.moveInto(libTorch);
    LibTorchOptimizer adapter = LibTorchOptimizer.of(libTorch, separate);
    adapter.groups().stream().filter(latents::holds).forEach(latents::add);
    Optimizer base = latents.isEmpty() ? adapter : new HostView(adapter, latents);
    return new TorchQuantOptimizer(parameters, settings, latents, base, adapter.groups());
  }

  private List<ParamGroup> checked(List<ParamGroup> groups) {
    checkTarget(groups);
    return groups;
  }

  /** What the host's optimizer sees of LibTorch's: its own groups only. */
  private record HostView(LibTorchOptimizer all, TorchLatents latents) implements Optimizer {
    @Override
    public List<ParamGroup> groups() {
      return all.groups().stream().filter(group -> !latents.holds(group)).toList();
    }

    @Override
    public void step() {
      all.step();
    }

    @Override
    public NamedTensors state() {
      return all.state();
    }

    @Override
    public void load(NamedTensors state) {
      all.load(state);
    }
  }
}

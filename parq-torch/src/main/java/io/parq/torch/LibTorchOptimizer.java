package io.parq.torch;

import io.parq.grids.NamedTensors;
import io.parq.optim.Optimizer;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/**
 * LibTorch's own {@code AdamW} or {@code SGD}, stepped as an optimizer of this library. {@link
 * io.parq.optim.QuantOptimizer} runs it between restoring and saving the latents.
 *
 * <p>Each group's learning rate and weight decay are written into LibTorch's options before every
 * step. For that, LibTorch's parameter groups are split until none spans two of ours, and ours
 * until none spans two of LibTorch's; tensors that do not require a gradient, and further handles
 * on tied weights, leave LibTorch's groups. Gradients must be those that the parameters show, see
 * {@link TorchParameters#attachGradients}.
 *
 * <p>The binding hides LibTorch's map of states. {@link #state} and {@link #load} therefore go
 * through LibTorch's own archive format, in a temporary file, and hold all buffers: {@code
 * exp_avg}, {@code exp_avg_sq}, {@code max_exp_avg_sq} (under amsgrad) and the step of each
 * parameter for AdamW, {@code momentum_buffer} for SGD.
 */
public final class LibTorchOptimizer implements Optimizer {
  private final org.bytedeco.pytorch.Optimizer optimizer;
  private final TorchOptions options;
  private final List<ParamGroup> groups;

  /** LibTorch's group of each of ours. */
  private final int[] indices;

  /** Holds the tensors of the state that was asked for last, until the next step. */
  private @Nullable Arena shown;

  private LibTorchOptimizer(
      org.bytedeco.pytorch.Optimizer optimizer,
      TorchOptions options,
      List<ParamGroup> groups,
      int[] indices) {
    this.optimizer = optimizer.retainReference();
    this.options = options;
    this.groups = List.copyOf(groups);
    this.indices = indices;
  }

  /** A tensor, and which of LibTorch's groups it is in. */
  private record Holding(int libTorchGroup, Tensor tensor) {}

  /** Parameters of one LibTorch group and one of ours. */
  private record Cell(int libTorchGroup, ParamGroup group) {}

  /**
   * Wraps an optimizer.
   *
   * @param optimizer LibTorch's AdamW or SGD; its groups are modified, and from now on it is
   *     stepped and loaded by the wrapper only, which keeps it beyond any {@link PointerScope}
   * @param groups what it updates, over the memory of its tensors, as {@link TorchParameters} gives
   *     them; a rate that a group has not set is taken from LibTorch's options. Unquantized
   *     parameters that the optimizer does not hold are left out, as LibTorch leaves them alone
   * @return the wrapper
   * @throws IllegalArgumentException if the optimizer is of another kind, holds a tensor that
   *     requires a gradient but is in no group, or does not hold a quantized parameter
   */
  public static LibTorchOptimizer of(
      org.bytedeco.pytorch.Optimizer optimizer, List<ParamGroup> groups) {
    TorchOptions options = TorchOptions.of(optimizer);
    try (PointerScope _ = new PointerScope()) {
      Map<Cell, Map<Parameter, Tensor>> cells = cells(optimizer, groups);
      List<ParamGroup> ours = new ArrayList<>();
      cells.forEach((cell, tensors) -> ours.add(part(cell.group(), tensors.keySet())));
      int[] indices = split(optimizer, options, cells);
      for (int i = 0; i < indices.length; i++) {
        options.defaults(optimizer.param_groups().get(indices[i]).options(), ours.get(i));
      }
      return new LibTorchOptimizer(optimizer, options, ours, indices);
    }
  }

  /** The group itself if it has no other members, else a new one of the same rates. */
  private static ParamGroup part(ParamGroup group, Set<Parameter> members) {
    if (members.size() == group.parameters().size()) {
      return group;
    }
    ParamGroup part = new ParamGroup(List.copyOf(members), group.config());
    if (!Double.isNaN(group.learningRate())) {
      part.learningRate(group.learningRate());
    }
    if (!Double.isNaN(group.weightDecay())) {
      part.weightDecay(group.weightDecay());
    }
    return part;
  }

  /** The cells in the order of our groups, and their members in the order of those. */
  private static Map<Cell, Map<Parameter, Tensor>> cells(
      org.bytedeco.pytorch.Optimizer optimizer, List<ParamGroup> groups) {
    Map<Long, Holding> held = held(optimizer, groups);
    Map<Cell, Map<Parameter, Tensor>> cells = new LinkedHashMap<>();
    for (ParamGroup group : groups) {
      for (Parameter parameter : group.parameters()) {
        Holding holding = held.get(parameter.weights().address());
        if (holding != null) {
          Cell cell = new Cell(holding.libTorchGroup(), group);
          cells.computeIfAbsent(cell, _ -> new LinkedHashMap<>()).put(parameter, holding.tensor());
        } else if (group.config() != null) {
          throw new IllegalArgumentException(
              "%s: to be quantized as %s, but the LibTorch optimizer does not hold it"
                  .formatted(parameter.name(), group.config()));
        }
      }
    }
    return cells;
  }

  /** The tensors to be trained, by address; the first of several handles on one memory. */
  private static Map<Long, Holding> held(
      org.bytedeco.pytorch.Optimizer optimizer, List<ParamGroup> groups) {
    Set<Long> known =
        groups.stream()
            .flatMap(group -> group.parameters().stream())
            .map(parameter -> parameter.weights().address())
            .collect(Collectors.toSet());
    Map<Long, Holding> held = new HashMap<>();
    for (int g = 0; g < optimizer.param_groups().size(); g++) {
      Tensor[] tensors = optimizer.param_groups().get(g).params().get();
      for (int i = 0; i < tensors.length; i++) {
        long address = TorchTensor.address(tensors[i]);
        if (tensors[i].requires_grad()) {
          if (!known.contains(address)) {
            throw new IllegalArgumentException(
                "LibTorch group %d, tensor %d is in none of the groups %s, expected only theirs"
                    .formatted(g, i, groups));
          }
          held.putIfAbsent(address, new Holding(g, new Tensor(tensors[i])));
        }
      }
    }
    return held;
  }

  /** Makes LibTorch's groups the cells, and returns the index of each cell's. */
  private static int[] split(
      org.bytedeco.pytorch.Optimizer optimizer,
      TorchOptions options,
      Map<Cell, Map<Parameter, Tensor>> cells) {
    int before = Math.toIntExact(optimizer.param_groups().size());
    for (int g = 0; g < before; g++) {
      optimizer.param_groups().get(g).params().clear();
    }
    Set<Integer> used = new LinkedHashSet<>();
    int[] indices = new int[cells.size()];
    int next = 0;
    for (Map.Entry<Cell, Map<Parameter, Tensor>> entry : cells.entrySet()) {
      int origin = entry.getKey().libTorchGroup();
      int index = origin;
      if (!used.add(origin)) {
        index = Math.toIntExact(optimizer.param_groups().size());
        optimizer.add_param_group(new OptimizerParamGroup(new TensorVector()));
        OptimizerOptions source = optimizer.param_groups().get(origin).options();
        options.copy(source, optimizer.param_groups().get(index).options());
      }
      TensorVector params = optimizer.param_groups().get(index).params();
      entry.getValue().values().forEach(params::push_back);
      indices[next++] = index;
    }
    return indices;
  }

  @Override
  public List<ParamGroup> groups() {
    return groups;
  }

  @Override
  public void step() {
    release();
    try (PointerScope _ = new PointerScope()) {
      for (int i = 0; i < indices.length; i++) {
        options.push(groups.get(i), optimizer.param_groups().get(indices[i]).options());
      }
      optimizer.step();
    }
  }

  private void release() {
    if (shown != null) {
      shown.close();
      shown = null;
    }
  }

  /**
   * {@inheritDoc} The tensors are copies here; their memory is freed when the state ends, and with
   * the next call of this method.
   *
   * @throws java.io.UncheckedIOException if the temporary file cannot be written
   */
  @Override
  public NamedTensors state() {
    release();
    Arena arena = Arena.ofShared();
    shown = arena;
    return new TorchOptimizerState(optimizer, options, groups, indices).save(arena);
  }

  /**
   * {@inheritDoc}
   *
   * @throws java.io.UncheckedIOException if the temporary file cannot be written
   */
  @Override
  public void load(NamedTensors state) {
    new TorchOptimizerState(optimizer, options, groups, indices).load(state);
    release();
  }

  @Override
  public String toString() {
    try (PointerScope _ = new PointerScope()) {
      return options.spec(optimizer.defaults());
    }
  }
}

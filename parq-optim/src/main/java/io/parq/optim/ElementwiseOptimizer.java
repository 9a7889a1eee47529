package io.parq.optim;

import io.parq.grids.NamedTensors;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An optimizer whose update of one weight depends on that weight, its gradient and its moments
 * only. {@link QuantOptimizer} fuses such an update with quantization: one pass over memory, chunk
 * by chunk, instead of several.
 *
 * <p>Formulas and their order of operations are those of PyTorch's plain (neither {@code foreach}
 * nor {@code fused}) CPU optimizers without contracted multiply-adds: single precision, with scalar
 * coefficients computed in double precision and rounded once. Non-finite gradients are not looked
 * for here, they spread into weights and moments.
 */
public abstract sealed class ElementwiseOptimizer implements Optimizer
    permits Sgd, Adam, AdamW, NormalMapSgd {
  private static final float[] NONE = {};

  private final List<ParamGroup> groups;
  private final List<Slot> slots = new ArrayList<>();
  private final ChunkPlan plan;

  /** Two at most. */
  private final List<Moment> moments;

  private final Workers workers = new Workers();
  private final Workers.ChunkBody updateWeights = (tile, chunk) -> update(tile, chunk, null);
  private long steps;

  /** A parameter and its group's index. */
  private record Slot(Parameter parameter, int group) {}

  ElementwiseOptimizer(
      List<ParamGroup> groups,
      double learningRate,
      double weightDecay,
      List<String> momentNames,
      Moments precision) {
    this.groups = List.copyOf(groups);
    TiedParameters.checkDistinct(this.groups);
    for (int group = 0; group < groups.size(); group++) {
      groups.get(group).defaults(learningRate, weightDecay);
      for (Parameter parameter : groups.get(group).parameters()) {
        slots.add(new Slot(parameter, group));
      }
    }
    plan = new ChunkPlan(groups);
    List<Parameter> parameters = slots.stream().map(Slot::parameter).toList();
    moments =
        momentNames.stream().map(name -> new Moment(name, precision, plan, parameters)).toList();
  }

  @Override
  public final List<ParamGroup> groups() {
    return groups;
  }

  /** {@return the number of steps taken} */
  public final long stepCount() {
    return steps;
  }

  @Override
  public final void step() {
    beginStep();
    workers.forEach(plan.batches(), updateWeights);
  }

  /** Counts a step and computes its coefficients; then each element is updated once. */
  final void beginStep() {
    steps++;
    for (int group = 0; group < groups.size(); group++) {
      prepare(group, groups.get(group), steps);
    }
  }

  /**
   * Updates a chunk of weights, or of latents, and its moments.
   *
   * @param tile scratch; then tells whether all is finite
   * @param chunk where the values belong; slots count parameters in the groups' order
   * @param latents from index 0, modified, or null if the weights are updated
   */
  final void update(Tile tile, Chunk chunk, float @Nullable [] latents) {
    Slot slot = slots.get(chunk.slot());
    tile.latents = latents;
    tile.weights = slot.parameter.weights();
    tile.gradient = slot.parameter.gradient();
    tile.start = chunk.start();
    tile.length = chunk.length();
    MomentPart first = moments.isEmpty() ? null : moments.getFirst().part(chunk);
    MomentPart second = moments.size() < 2 ? null : moments.getLast().part(chunk);
    if (first instanceof MomentPart.Bf16 m && second instanceof MomentPart.Bf16 v) {
      update(slot.group, tile, m.bits(), v.bits());
      return;
    }
    tile.first = first == null ? NONE : first.open(tile.widenedFirst());
    tile.second = second == null ? NONE : second.open(tile.widenedSecond());
    update(slot.group, tile);
    if (first != null) {
      first.close(tile.first, tile.indices);
    }
    if (second != null) {
      second.close(tile.second, tile.indices);
    }
  }

  /** Computes a group's coefficients for a step, counted from 1. */
  abstract void prepare(int group, ParamGroup hyperparameters, long step);

  /** Updates what the tile tells. */
  abstract void update(int group, Tile tile);

  /** The same, with two moments in bfloat16, which need not be widened first. */
  void update(int group, Tile tile, short[] first, short[] second) {
    throw new UnsupportedOperationException(this + " has no two moments");
  }

  /** What latents are divided by under {@code quantShrink}. */
  double shrinkDivisor(double cumulatedLearningRate) {
    return Math.max(1, cumulatedLearningRate);
  }

  /** Name and fixed hyperparameters, which a loaded state must share. */
  abstract String spec();

  @Override
  public final NamedTensors state() {
    StateWriter writer = new StateWriter();
    writer.text("optimizer", spec());
    writer.text("steps", Long.toString(steps));
    writer.groups(groups);
    for (int slot = 0; slot < slots.size(); slot++) {
      Parameter parameter = slots.get(slot).parameter;
      for (Moment moment : moments) {
        moment.write(writer, slot, parameter);
      }
    }
    return writer.state();
  }

  @Override
  public final void load(NamedTensors state) {
    StateReader reader = new StateReader(state);
    reader.text("optimizer", spec());
    reader.count("steps", value -> steps = value);
    reader.groups(groups);
    for (int slot = 0; slot < slots.size(); slot++) {
      Parameter parameter = slots.get(slot).parameter;
      for (Moment moment : moments) {
        moment.read(reader, slot, parameter);
      }
    }
    reader.apply();
  }

  @Override
  public final String toString() {
    return spec();
  }
}

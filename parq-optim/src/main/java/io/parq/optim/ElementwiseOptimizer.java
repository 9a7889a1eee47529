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
  private final List<String> momentNames;
  private final List<Slot> slots = new ArrayList<>();
  private final ChunkPlan plan;

  /** By moment and chunk. */
  private final float[][][] moments;

  private final Workers workers = new Workers();
  private final Workers.ChunkBody updateWeights = (tile, chunk) -> update(tile, chunk, null);
  private long steps;

  /** A parameter and its group's index. */
  private record Slot(Parameter parameter, int group) {}

  ElementwiseOptimizer(
      List<ParamGroup> groups, double learningRate, double weightDecay, List<String> momentNames) {
    this.groups = List.copyOf(groups);
    this.momentNames = momentNames;
    TiedParameters.checkDistinct(this.groups);
    for (int group = 0; group < groups.size(); group++) {
      groups.get(group).defaults(learningRate, weightDecay);
      for (Parameter parameter : groups.get(group).parameters()) {
        slots.add(new Slot(parameter, group));
      }
    }
    plan = new ChunkPlan(groups);
    moments = new float[momentNames.size()][][];
    for (int i = 0; i < moments.length; i++) {
      moments[i] = plan.allocate();
    }
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
    tile.first = moments.length > 0 ? moments[0][chunk.index()] : NONE;
    tile.second = moments.length > 1 ? moments[1][chunk.index()] : NONE;
    update(slot.group, tile);
  }

  /** Computes a group's coefficients for a step, counted from 1. */
  abstract void prepare(int group, ParamGroup hyperparameters, long step);

  /** Updates what the tile tells. */
  abstract void update(int group, Tile tile);

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
      for (int i = 0; i < moments.length; i++) {
        String key = momentNames.get(i) + "/" + parameter.name();
        writer.floats(key, parameter.shape(), plan.views(slot, moments[i]));
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
      for (int i = 0; i < moments.length; i++) {
        String key = momentNames.get(i) + "/" + parameter.name();
        int own = slot;
        float[][] parts = moments[i];
        reader.tensor(key, parameter.shape(), saved -> plan.fill(own, saved, parts));
      }
    }
    reader.apply();
  }

  @Override
  public final String toString() {
    return spec();
  }
}

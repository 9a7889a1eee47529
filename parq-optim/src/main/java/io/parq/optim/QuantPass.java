package io.parq.optim;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The work of one quantizing step, chunk by chunk: update (fused) or take over (not fused) the
 * latents, shrink, refit, project into the weights. A lattice that can only be fitted to the whole
 * tensor is fitted after all its chunks are updated, and projected then.
 */
final class QuantPass {
  private final QuantTensors tensors;
  private final QuantSettings settings;
  private final @Nullable ElementwiseOptimizer fused;
  private final Workers workers;
  private final List<Chunk> chunks;
  private final List<QuantSlot> wholeFits;
  private final List<Chunk> wholeFitChunks;

  QuantPass(
      QuantTensors tensors,
      QuantSettings settings,
      @Nullable ElementwiseOptimizer fused,
      Workers workers) {
    this.tensors = tensors;
    this.settings = settings;
    this.fused = fused;
    this.workers = workers;
    List<Chunk> all = tensors.plan().chunks();
    this.chunks =
        all.stream().filter(chunk -> fused != null || tensors.slot(chunk).isQuantized()).toList();
    this.wholeFits = tensors.slots().stream().filter(QuantPass::isFittedWhole).toList();
    this.wholeFitChunks = all.stream().filter(chunk -> isFittedWhole(tensors.slot(chunk))).toList();
  }

  private static boolean isFittedWhole(QuantSlot slot) {
    return slot.isQuantized() && !slot.lattice().fitsByBlock();
  }

  /** Puts latents back into the weights, for a base optimizer that knows nothing of them. */
  void restoreLatents() {
    workers.forEach(
        chunks,
        (tile, chunk) ->
            Floats.store(
                tensors.latents(chunk),
                chunk.length(),
                tensors.slot(chunk).parameter().weights(),
                chunk.start()));
  }

  /**
   * Runs a step.
   *
   * @param step steps so far
   */
  void run(long step) {
    boolean refit = settings.refits(step);
    workers.forEach(chunks, (tile, chunk) -> process(tile, chunk, step, refit));
    if (refit && !wholeFits.isEmpty()) {
      long elements = wholeFits.stream().mapToLong(slot -> slot.parameter().size()).sum();
      workers.run(wholeFits.size(), elements, (tile, task) -> fitWhole(wholeFits.get(task), step));
      workers.forEach(wholeFitChunks, (tile, chunk) -> projectWhole(tile, chunk, step));
    }
  }

  private void process(Tile tile, Chunk chunk, long step, boolean refit) {
    QuantSlot slot = tensors.slot(chunk);
    if (!slot.isQuantized()) {
      updateWeights(tile, chunk, slot);
      return;
    }
    updateLatents(tile, chunk, slot);
    int length = chunk.length();
    if (settings.quantShrink()) {
      divide(tile.x, length, divisor(slot));
    }
    Lattice lattice = slot.lattice();
    if (refit && !lattice.fitsByBlock()) {
      Floats.store(tile.x, length, slot.parameter().weights(), chunk.start());
      return;
    }
    if (refit) {
      fit(slot, step, () -> Blocks.fit(lattice, chunk.block(), tile.x, length));
    }
    project(tile, chunk, slot, step);
  }

  private void updateWeights(Tile tile, Chunk chunk, QuantSlot slot) {
    if (fused != null) {
      MemorySegment weights = slot.parameter().weights();
      Floats.load(weights, chunk.start(), tile.x, chunk.length());
      fused.update(tile, chunk, tile.x, null);
      Floats.store(tile.x, chunk.length(), weights, chunk.start());
    }
  }

  /** Leaves a copy of the new latents in the tile. */
  private void updateLatents(Tile tile, Chunk chunk, QuantSlot slot) {
    MemorySegment weights = slot.parameter().weights();
    float[] latents = tensors.latents(chunk);
    if (fused != null) {
      fused.update(tile, chunk, latents, weights);
    } else {
      Floats.load(weights, chunk.start(), latents, chunk.length());
    }
    System.arraycopy(latents, 0, tile.x, 0, chunk.length());
  }

  private float divisor(QuantSlot slot) {
    double rates = tensors.groups().get(slot.group()).cumulatedLearningRate();
    return (float) (fused == null ? Math.max(1, rates) : fused.shrinkDivisor(rates));
  }

  private static void divide(float[] x, int length, float divisor) {
    for (int i = 0; i < length; i++) {
      x[i] /= divisor;
    }
  }

  private static void fitWhole(QuantSlot slot, long step) {
    fit(slot, step, () -> slot.lattice().fit(slot.parameter().weights()));
  }

  private void projectWhole(Tile tile, Chunk chunk, long step) {
    QuantSlot slot = tensors.slot(chunk);
    Floats.load(slot.parameter().weights(), chunk.start(), tile.x, chunk.length());
    project(tile, chunk, slot, step);
  }

  private void project(Tile tile, Chunk chunk, QuantSlot slot, long step) {
    int length = chunk.length();
    Lattice lattice = slot.lattice();
    settings.prox().apply(step, lattice, chunk.block(), tile.x, 0, length, tile.lower, tile.upper);
    Floats.store(tile.x, length, slot.parameter().weights(), chunk.start());
  }

  /** Finite latents and gradients may still overflow in the update; then no lattice fits. */
  private static void fit(QuantSlot slot, long step, Runnable fit) {
    try {
      fit.run();
    } catch (IllegalArgumentException e) {
      String message =
          "%s: updated latents of step %d cannot be fitted, %s; load an earlier state"
              .formatted(slot.parameter().name(), step, e.getMessage());
      throw (ArithmeticException) new ArithmeticException(message).initCause(e);
    }
  }
}

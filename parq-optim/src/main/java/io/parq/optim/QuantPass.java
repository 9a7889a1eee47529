package io.parq.optim;

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
  private final Batches batches;
  private final List<QuantSlot> wholeFits;
  private final Batches wholeFitBatches;
  private final Workers.ChunkBody restore = this::restore;
  private final Workers.ChunkBody process = this::process;
  private final Workers.ChunkBody projectWhole = this::projectWhole;

  /** Of the step at hand. */
  private long step;

  private boolean refit;

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
    this.batches =
        Batches.of(
            all.stream()
                .filter(chunk -> fused != null || tensors.slot(chunk).isQuantized())
                .toList());
    this.wholeFits = tensors.slots().stream().filter(QuantPass::isFittedWhole).toList();
    this.wholeFitBatches =
        Batches.of(all.stream().filter(chunk -> isFittedWhole(tensors.slot(chunk))).toList());
  }

  private static boolean isFittedWhole(QuantSlot slot) {
    return slot.isQuantized() && !slot.lattice().fitsByBlock();
  }

  /** Puts latents back into the weights, for a base optimizer that knows nothing of them. */
  void restoreLatents() {
    workers.forEach(batches, restore);
  }

  private void restore(Tile tile, Chunk chunk) {
    Floats.store(
        tensors.latents(chunk),
        0,
        chunk.length(),
        tensors.slot(chunk).parameter().weights(),
        chunk.start());
  }

  /**
   * Runs a step.
   *
   * @param number steps so far
   */
  void run(long number) {
    step = number;
    refit = settings.refits(number);
    workers.forEach(batches, process);
    if (refit && !wholeFits.isEmpty()) {
      long elements = wholeFitBatches.elements();
      workers.run(wholeFits.size(), elements, (tile, task) -> fitWhole(wholeFits.get(task)));
      workers.forEach(wholeFitBatches, projectWhole);
    }
  }

  private void process(Tile tile, Chunk chunk) {
    QuantSlot slot = tensors.slot(chunk);
    if (!slot.isQuantized()) {
      if (fused != null) {
        fused.update(tile, chunk, null);
      }
      return;
    }
    float[] latents = tensors.latents(chunk);
    updateLatents(tile, chunk, slot, latents);
    float[] x = latents;
    if (settings.quantShrink()) {
      x = tile.x;
      divide(latents, x, chunk.length(), divisor(slot));
    }
    if (refit && !slot.lattice().fitsByBlock()) {
      Floats.store(x, 0, chunk.length(), slot.parameter().weights(), chunk.start());
      return;
    }
    if (refit) {
      fit(slot, chunk, x);
    }
    project(tile, chunk, slot, x);
  }

  private void updateLatents(Tile tile, Chunk chunk, QuantSlot slot, float[] latents) {
    if (fused != null) {
      fused.update(tile, chunk, latents);
      tensors.latentsAreFinite(chunk, tile.isFinite);
    } else {
      Floats.load(slot.parameter().weights(), chunk.start(), latents, 0, chunk.length());
      tensors.latentsAreFinite(chunk, Floats.isFinite(latents, 0, chunk.length()));
    }
  }

  private float divisor(QuantSlot slot) {
    double rates = tensors.groups().get(slot.group()).cumulatedLearningRate();
    return (float) (fused == null ? Math.max(1, rates) : fused.shrinkDivisor(rates));
  }

  private static void divide(float[] x, float[] quotient, int length, float divisor) {
    for (int i = 0; i < length; i++) {
      quotient[i] = x[i] / divisor;
    }
  }

  /** Finite latents and gradients may still overflow in the update; then no lattice fits. */
  private void fit(QuantSlot slot, Chunk chunk, float[] x) {
    try {
      slot.lattice().fitBlocks(chunk.block(), x, 0, chunk.length());
    } catch (IllegalArgumentException e) {
      throw unfit(slot, e);
    }
  }

  private void fitWhole(QuantSlot slot) {
    try {
      slot.lattice().fit(slot.parameter().weights());
    } catch (IllegalArgumentException e) {
      throw unfit(slot, e);
    }
  }

  private ArithmeticException unfit(QuantSlot slot, IllegalArgumentException cause) {
    String message =
        "%s: updated latents of step %d cannot be fitted, %s; load an earlier state"
            .formatted(slot.parameter().name(), step, cause.getMessage());
    return (ArithmeticException) new ArithmeticException(message).initCause(cause);
  }

  private void projectWhole(Tile tile, Chunk chunk) {
    QuantSlot slot = tensors.slot(chunk);
    Floats.load(slot.parameter().weights(), chunk.start(), tile.x, 0, chunk.length());
    project(tile, chunk, slot, tile.x);
  }

  private void project(Tile tile, Chunk chunk, QuantSlot slot, float[] x) {
    settings
        .prox()
        .apply(
            step,
            slot.lattice(),
            chunk.block(),
            x,
            0,
            chunk.length(),
            slot.parameter().weights(),
            chunk.start(),
            tile.lower,
            tile.upper);
  }
}

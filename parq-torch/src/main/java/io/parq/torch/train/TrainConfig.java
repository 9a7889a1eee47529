package io.parq.torch.train;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How long to train and what to do on the way.
 *
 * @param steps optimizer steps in all, at least 1
 * @param accumulation batches whose gradients are summed in a step, at least 1
 * @param evalEvery steps between evaluations, 0 for none; with any, there is one at the end too
 * @param checkpoints folder for checkpoints, made if it is missing, or null for none; besides the
 *     regular ones there is one at the end and when training is stopped
 * @param checkpointEvery steps between checkpoints, 0 for none but the last
 * @param keep checkpoints that are kept, at least 1; older ones are deleted
 * @param threads threads within a LibTorch operation, at least 1, or 0 to leave them as they are;
 *     they are set for the whole process, and results depend on their number
 */
public record TrainConfig(
    long steps,
    int accumulation,
    long evalEvery,
    @Nullable Path checkpoints,
    long checkpointEvery,
    int keep,
    int threads) {
  /** Checks the ranges. */
  public TrainConfig {
    Checks.atLeast("steps", steps, 1);
    Checks.atLeast("gradient accumulation", accumulation, 1);
    Checks.atLeast("steps between evaluations", evalEvery, 0);
    Checks.atLeast("steps between checkpoints", checkpointEvery, 0);
    Checks.atLeast("checkpoints kept", keep, 1);
    Checks.atLeast("threads", threads, 0);
  }

  /**
   * {@return a plain run: one batch a step, no evaluation, no checkpoints, threads as they are}
   *
   * @param steps optimizer steps, at least 1
   */
  public static TrainConfig of(long steps) {
    return new TrainConfig(steps, 1, 0, null, 0, 1, 0);
  }

  /**
   * {@return this with gradient accumulation}
   *
   * @param batches batches whose gradients are summed in a step, at least 1
   */
  public TrainConfig withAccumulation(int batches) {
    return new TrainConfig(steps, batches, evalEvery, checkpoints, checkpointEvery, keep, threads);
  }

  /**
   * {@return this with evaluations}
   *
   * @param every steps between them, 0 for none
   */
  public TrainConfig withEvalEvery(long every) {
    return new TrainConfig(steps, accumulation, every, checkpoints, checkpointEvery, keep, threads);
  }

  /**
   * {@return this with checkpoints}
   *
   * @param folder where
   * @param every steps between them, 0 for none but the last
   * @param kept how many are kept, at least 1
   */
  public TrainConfig withCheckpoints(Path folder, long every, int kept) {
    return new TrainConfig(steps, accumulation, evalEvery, folder, every, kept, threads);
  }

  /**
   * {@return this with a number of threads}
   *
   * @param count at least 1, or 0 to leave them as they are
   */
  public TrainConfig withThreads(int count) {
    return new TrainConfig(
        steps, accumulation, evalEvery, checkpoints, checkpointEvery, keep, count);
  }
}

package io.parq.torch.train;

import java.nio.file.Path;
import java.util.List;

/**
 * Told what happens in training, on the training thread. Exceptions end the training. Listeners
 * that hold a file write on after a resume; see {@link #resumed}.
 */
public interface TrainListener {
  /** Ignores everything. */
  TrainListener NONE = new TrainListener() {};

  /**
   * A run continues from a checkpoint; what was told of later steps is void.
   *
   * @param step steps taken before the checkpoint
   */
  default void resumed(long step) {}

  /**
   * A step was taken.
   *
   * @param progress where training stands
   */
  default void stepped(Progress progress) {}

  /**
   * The held-out data was scored.
   *
   * @param step steps taken
   * @param result the outcome
   */
  default void evaluated(long step, Perplexity result) {}

  /**
   * A checkpoint was saved.
   *
   * @param step steps taken
   * @param file the file
   */
  default void saved(long step, Path file) {}

  /**
   * {@return a listener that tells others, in their order}
   *
   * @param listeners the others; copied
   */
  static TrainListener all(List<TrainListener> listeners) {
    List<TrainListener> all = List.copyOf(listeners);
    return new TrainListener() {
      @Override
      public void resumed(long step) {
        all.forEach(listener -> listener.resumed(step));
      }

      @Override
      public void stepped(Progress progress) {
        all.forEach(listener -> listener.stepped(progress));
      }

      @Override
      public void evaluated(long step, Perplexity result) {
        all.forEach(listener -> listener.evaluated(step, result));
      }

      @Override
      public void saved(long step, Path file) {
        all.forEach(listener -> listener.saved(step, file));
      }
    };
  }
}

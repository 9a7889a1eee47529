package io.parq.samples.names;

import io.parq.grids.QuantConfig;
import io.parq.optim.ParameterFilter;
import io.parq.samples.Progress;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchQuantOptimizer;
import io.parq.torch.train.Batches;
import io.parq.torch.train.Perplexity;
import io.parq.torch.train.Scorer;
import io.parq.torch.train.TextCodec;
import io.parq.torch.train.TokenData;
import io.parq.torch.train.TrainListener;
import java.io.IOException;
import java.util.Map;

/** Trains and scores models on the names. */
final class Lab {
  /** How many training steps take as long as scoring a model, about. */
  static final int SCORING = 9;

  private final Size size;
  private final Progress progress;
  private final TokenData train;
  private final TokenData heldOut;
  private long steps;
  private long nanos;

  /**
   * Prepares the data.
   *
   * @param size of the models
   * @param names the text
   * @param progress told of every training step and score
   */
  Lab(Size size, UnicodeNames names, Progress progress) {
    this.size = size;
    this.progress = progress;
    try (TextCodec codec = TextCodec.bytes()) {
      this.train = TokenData.ofText(names.train(), codec);
      this.heldOut = TokenData.ofText(names.heldOut(), codec);
    }
  }

  /** Trains a model as told; its weights end on their levels, if it has any. */
  TorchQuantOptimizer train(
      Training training, CausalLm model, Map<ParameterFilter, QuantConfig> configs, long seed)
      throws IOException {
    Batches batches = new Batches(train, size.context(), size.batch(), seed);
    TrainListener listener =
        new TrainListener() {
          @Override
          public void stepped(io.parq.torch.train.Progress step) {
            progress.step();
          }
        };
    long start = System.nanoTime();
    TorchQuantOptimizer optimizer = training.run(model, configs, batches, listener);
    nanos += System.nanoTime() - start;
    steps += training.steps();
    return optimizer;
  }

  /** {@return the bits that a held-out character takes} */
  double bits(CausalLm model) {
    int context = size.context();
    Perplexity found =
        Perplexity.of(Scorer.of(model::forward), heldOut, context, context, size.batch());
    progress.step(SCORING);
    return found.bitsPerCharacter();
  }

  /** {@return training steps a second, over all models} */
  double stepsPerSecond() {
    return steps / (nanos / 1e9);
  }
}

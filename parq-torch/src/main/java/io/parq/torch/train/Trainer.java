package io.parq.torch.train;

import io.parq.grids.NamedTensors;
import io.parq.torch.Torch;
import io.parq.torch.TorchQuantOptimizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The training loop. A step sums the gradients of one or more batches, so that the loss is the mean
 * over all their targets that count, and lets the optimizer take a step; learning rate schedule,
 * clipping and quantization are the optimizer's. The same model, data, seeds and number of threads
 * give the same bits, also if training is stopped and resumed in between.
 *
 * <pre>{@code
 * Trainer trainer =
 *     new Trainer(model::forward, optimizer, batches, TrainConfig.of(600), TrainListener.NONE);
 * trainer.evaluateOn(heldOut);
 * trainer.run();
 * }</pre>
 *
 * <p>Native memory of a step is freed at its end. Not thread-safe, but for {@link #stop}.
 */
public final class Trainer {
  private final LanguageModel model;
  private final TorchQuantOptimizer optimizer;
  private final Batches batches;
  private final TrainConfig config;
  private final TrainListener listener;
  private @Nullable TokenData heldOut;
  private long step;
  private long savedStep = -1;
  private double loss = Double.NaN;
  private volatile boolean stopping;

  /**
   * How a run ended.
   *
   * @param steps steps taken in all
   * @param stopped whether it was stopped before the last step
   * @param loss of the last step, NaN if there was none
   */
  public record Result(long steps, boolean stopped, double loss) {}

  /**
   * Prepares a run.
   *
   * @param model the model
   * @param optimizer updates its weights; without quantized parameters it trains as its base does
   * @param batches training data; the run takes from its position on
   * @param config how long, and what on the way
   * @param listener told what happens
   */
  public Trainer(
      LanguageModel model,
      TorchQuantOptimizer optimizer,
      Batches batches,
      TrainConfig config,
      TrainListener listener) {
    this.model = model;
    this.optimizer = optimizer;
    this.batches = batches;
    this.config = config;
    this.listener = listener;
  }

  /**
   * Gives the data for evaluations: windows of the training sequences' length that do not overlap.
   *
   * @param data held-out tokens
   * @return this
   */
  public Trainer evaluateOn(TokenData data) {
    heldOut = data;
    return this;
  }

  /**
   * Continues from a checkpoint, bit for bit: weights, optimizer, step, position in the data and
   * LibTorch's random state are restored.
   *
   * @param checkpoint a file that a run with the same settings saved, for instance {@link
   *     Checkpoints#latest}; the number of steps may be another
   * @return this
   * @throws IllegalArgumentException if it does not fit; the message names the file, the item, what
   *     was found and what was expected, and nothing has changed
   * @throws IOException if it cannot be read
   */
  public Trainer resume(Path checkpoint) throws IOException {
    step = RunState.load(checkpoint, batches, config.accumulation(), optimizer);
    savedStep = step;
    listener.resumed(step);
    return this;
  }

  /**
   * Asks a run to end after its current step, with a checkpoint if there is a folder for them. May
   * be called from any thread, such as a handler for Ctrl-C.
   */
  public void stop() {
    stopping = true;
  }

  /**
   * Trains until all steps are taken or {@link #stop} is called; after that it may be called again
   * to go on.
   *
   * @return how it ended
   * @throws io.parq.optim.NonFiniteException if a gradient is not finite and the optimizer does not
   *     skip such steps
   * @throws IOException if a checkpoint cannot be written
   */
  public Result run() throws IOException {
    if (config.threads() > 0) {
      Torch.setThreads(config.threads());
    }
    if (step == 0) {
      torch.manual_seed(batches.seed());
    }
    Pace pace = new Pace();
    while (step < config.steps() && !stopping) {
      pace.begin();
      long tokens = trainStep();
      step++;
      pace.end(tokens);
      listener.stepped(progress(pace));
      evaluate();
      if (config.checkpointEvery() > 0 && step % config.checkpointEvery() == 0) {
        save();
      }
    }
    save();
    boolean stopped = step < config.steps();
    stopping = false;
    return new Result(step, stopped, loss);
  }

  /** {@return the number of tokens that the model saw} */
  private long trainStep() {
    List<Batch> parts = new ArrayList<>();
    long counted = 0;
    for (int i = 0; i < config.accumulation(); i++) {
      parts.add(batches.next());
      counted += parts.getLast().counted();
    }
    optimizer.zeroGrad();
    double sum = 0;
    for (Batch part : parts) {
      sum += accumulate(part, counted);
    }
    loss = sum / counted;
    optimizer.step();
    return (long) parts.size() * batches.batchSize() * batches.sequenceLength();
  }

  private double accumulate(Batch batch, long counted) {
    try (PointerScope _ = new PointerScope()) {
      Tensor sum = Scoring.sum(model, batch);
      double value = sum.item_double();
      sum.mul(new Scalar(1.0 / counted)).backward();
      return value;
    }
  }

  private Progress progress(Pace pace) {
    long tokens = batches.position() * batches.sequenceLength();
    return new Progress(
        step,
        config.steps(),
        loss,
        tokens,
        pace.tokensPerSecond(),
        pace.timeLeft(config.steps() - step),
        optimizer.groups().getFirst().learningRate(),
        optimizer.lastGradientNorm(),
        optimizer.inverseSlope());
  }

  private void evaluate() {
    TokenData data = heldOut;
    long every = config.evalEvery();
    if (data != null && every > 0 && (step % every == 0 || step == config.steps())) {
      int window = batches.sequenceLength();
      listener.evaluated(step, Perplexity.of(model, data, window, window, batches.batchSize()));
    }
  }

  private void save() throws IOException {
    Path folder = config.checkpoints();
    if (folder == null || savedStep == step) {
      return;
    }
    NamedTensors state = RunState.of(step, batches, config.accumulation(), optimizer);
    Path file = Checkpoints.write(folder, step, state, config.keep());
    savedStep = step;
    listener.saved(step, file);
  }
}

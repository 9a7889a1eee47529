package io.parq.cli;

import io.parq.torch.train.Perplexity;
import io.parq.torch.train.Progress;
import io.parq.torch.train.TrainListener;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;

/** Shows how training goes: a bar on a terminal, a line now and then elsewhere. */
final class TrainBar implements TrainListener, AutoCloseable {
  private static final int LINES = 20;

  private final boolean terminal = TransferBar.isTerminal();
  private final ProgressBar bar;

  TrainBar(long steps) {
    bar = TransferBar.builder("train", terminal).setInitialMax(steps).build();
  }

  @Override
  public void resumed(long step) {
    bar.stepTo(step);
  }

  @Override
  public void stepped(Progress progress) {
    bar.stepTo(progress.step());
    String message =
        String.format(
            Locale.ROOT, "loss %.4f, %.0f tokens/s", progress.loss(), progress.tokensPerSecond());
    bar.setExtraMessage(message);
    long every = Math.max(1, progress.steps() / LINES);
    if (!terminal && progress.step() % every == 0) {
      System.err.printf(
          Locale.ROOT,
          "step %d of %d, %s, %d s left%n",
          progress.step(),
          progress.steps(),
          message,
          progress.timeLeft().toSeconds());
    }
  }

  @Override
  public void evaluated(long step, Perplexity result) {
    if (!terminal) {
      System.err.printf(Locale.ROOT, "step %d, held out: %.4f nats a token%n", step, result.loss());
    }
  }

  @Override
  public void close() {
    bar.close();
  }
}

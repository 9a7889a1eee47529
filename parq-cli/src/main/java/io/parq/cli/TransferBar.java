package io.parq.cli;

import io.parq.export.ModelWriter;
import java.io.Console;
import java.util.Optional;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how much of a model has been read or written; nothing where there is no terminal. */
final class TransferBar implements ModelWriter.Progress, AutoCloseable {
  private final ProgressBar bar;

  TransferBar(String task) {
    bar = builder(task, isTerminal()).setUnit(" MB", 1_000_000).build();
  }

  static boolean isTerminal() {
    return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
  }

  /** A bar that is not shown where there is no terminal. */
  static ProgressBarBuilder builder(String task, boolean terminal) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(terminal ? 200 : Integer.MAX_VALUE)
        .setConsumer(
            terminal
                ? new ConsoleProgressBarConsumer(System.err)
                : new DelegatingProgressBarConsumer(line -> {}));
  }

  @Override
  public void at(long done, long total, String tensor) {
    bar.maxHint(total);
    bar.stepTo(done);
    bar.setExtraMessage(tensor);
  }

  @Override
  public void close() {
    bar.close();
  }
}

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
    boolean terminal = Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    bar =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setUnit(" MB", 1_000_000)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(terminal ? 200 : Integer.MAX_VALUE)
            .setConsumer(
                terminal
                    ? new ConsoleProgressBarConsumer(System.err)
                    : new DelegatingProgressBarConsumer(line -> {}))
            .build();
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

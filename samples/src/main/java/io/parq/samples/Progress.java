package io.parq.samples;

import java.io.Console;
import java.io.PrintStream;
import java.util.Optional;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** How far the work is: a bar on a terminal, elsewhere a line for each fifth. Thread-safe. */
public final class Progress implements AutoCloseable {
  private static final int LINES = 5;
  private static final int COLUMNS = 79;

  private final PrintStream out;
  private final String task;
  private final long total;
  private final long start = System.nanoTime();
  private final @Nullable ProgressBar bar;
  private long done;

  /**
   * Starts to measure.
   *
   * @param task what is done, in a word or two
   * @param total pieces of work, at least 1
   * @param out for the lines where there is no terminal
   */
  public Progress(String task, long total, PrintStream out) {
    this(task, total, out, hasTerminal());
  }

  private static boolean hasTerminal() {
    // Null in JDK 25 again where input or output is redirected.
    return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
  }

  /** As the other, but told whether there is a terminal. */
  public Progress(String task, long total, PrintStream out, boolean terminal) {
    this.out = out;
    this.task = task;
    this.total = total;
    this.bar = terminal ? bar(task, total) : null;
  }

  private static ProgressBar bar(String task, long total) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(total)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(200)
        .setConsumer(new ConsoleProgressBarConsumer(System.err, COLUMNS))
        .build();
  }

  /** One more piece is done. */
  public void step() {
    step(1);
  }

  /** Some more pieces are done. */
  public synchronized void step(long pieces) {
    long before = done;
    done += pieces;
    if (bar != null) {
      bar.stepBy(pieces);
    } else if (done * LINES / total > before * LINES / total) {
      double seconds = (System.nanoTime() - start) / 1e9;
      long left = Math.round(seconds * (total - done) / done);
      String rest = done < total ? ", about " + left + " s left" : "";
      out.printf("%s: %d %% (%.0f s%s)%n", task, 100 * done / total, seconds, rest);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}

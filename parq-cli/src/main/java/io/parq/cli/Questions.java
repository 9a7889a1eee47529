package io.parq.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.concurrent.atomic.AtomicReference;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/** Lines that a person types, with an editor and a history, or that come through a pipe. */
final class Questions implements AutoCloseable {
  private final BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
  private final AtomicReference<@Nullable Thread> working = new AtomicReference<>();
  private final @Nullable Terminal terminal;
  private final @Nullable LineReader editor;

  private Questions(@Nullable Terminal terminal) {
    this.terminal = terminal;
    if (terminal == null) {
      editor = null;
      return;
    }
    editor =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .build();
    terminal.handle(
        Terminal.Signal.INT,
        _ -> {
          Thread thread = working.get();
          if (thread != null) {
            thread.interrupt();
          }
        });
  }

  /** Opens what standard input is. */
  @SuppressWarnings("SystemConsoleNull") // since 25 it is null again where there is no terminal
  static Questions open() throws IOException {
    Console console = System.console();
    boolean isTerminal = console != null && console.isTerminal();
    return new Questions(isTerminal ? TerminalBuilder.builder().system(true).build() : null);
  }

  /** The next line; null at the end, and after Ctrl-C or Ctrl-D where one is typed. */
  @Nullable String next() throws IOException {
    if (editor == null) {
      return in.readLine();
    }
    try {
      return editor.readLine("> ");
    } catch (UserInterruptException | EndOfFileException e) {
      return null;
    }
  }

  /** Says which thread Ctrl-C interrupts now; null: none. */
  void interrupt(@Nullable Thread thread) {
    working.set(thread);
  }

  @Override
  public void close() throws IOException {
    if (terminal != null) {
      terminal.close();
    }
  }
}

package io.parq.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * Low-bit quantization-aware training, from the command line. Exit status: 0 done, 1 failed (the
 * reason is on standard error), 2 wrong usage.
 */
@Command(
    name = "parq",
    description = "Low-bit quantization-aware training for the JVM.",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    version = "parq 0.1.0-SNAPSHOT",
    subcommands = {
      DemoCommand.class,
      TrainCommand.class,
      EvalCommand.class,
      GenerateCommand.class,
      ChatCommand.class,
      ServeCommand.class,
      CompareCommand.class,
      QuantizeCommand.class,
      ExportCommand.class,
      VerifyCommand.class,
      InspectCommand.class,
      BenchCommand.class
    },
    footer = {"", "'parq test' (through the launcher) runs all tests."})
public final class Main implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  /** Runs the command line and exits. */
  public static void main(String[] args) {
    // Containers often have no locale, yet their terminals show UTF-8.
    System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, UTF_8));
    System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, UTF_8));
    System.exit(
        commandLine()
            .setOut(new PrintWriter(System.out, true, UTF_8))
            .setErr(new PrintWriter(System.err, true, UTF_8))
            .execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(
            (e, command, parsed) -> {
              PrintWriter err = command.getErr();
              err.println("parq " + command.getCommandName() + ": " + message(e));
              err.flush();
              return CommandLine.ExitCode.SOFTWARE;
            });
  }

  /** What a user can act on; anything unforeseen comes with its stack trace. */
  private static String message(Exception e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getMessage() + ": no such file or folder";
      case FileAlreadyExistsException there ->
          there.getFile() + " exists already; --force replaces it";
      case IOException io -> io.getMessage() == null ? io.toString() : io.getMessage();
      case IllegalArgumentException bad when bad.getMessage() != null -> bad.getMessage();
      default -> {
        java.io.StringWriter trace = new java.io.StringWriter();
        e.printStackTrace(new PrintWriter(trace));
        yield trace.toString();
      }
    };
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}

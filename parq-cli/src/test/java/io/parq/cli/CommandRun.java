package io.parq.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import picocli.CommandLine;

/** Runs commands within this process, and keeps what the last one printed. */
class CommandRun {
  String out = "";
  String err = "";

  /** Returns the exit status. */
  final int parq(Object... args) {
    StringWriter standard = new StringWriter();
    StringWriter error = new StringWriter();
    CommandLine command =
        Main.commandLine().setOut(new PrintWriter(standard)).setErr(new PrintWriter(error));
    int status = command.execute(Arrays.stream(args).map(Object::toString).toArray(String[]::new));
    out = standard.toString();
    err = error.toString();
    return status;
  }
}

package io.parq.cli;

import io.parq.samples.digits.DigitsDemo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains, quantizes, exports and reports on data that the project carries. */
@Command(
    name = "demo",
    description = "Trains an image classifier at 1 to 4 bits and reports what is lost.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "digits: 1,797 handwritten digits; writes the packed networks, report.html and metrics.csv."
    })
final class DemoCommand implements Callable<Integer> {
  /** The demos there are. */
  enum Demo {
    DIGITS;

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "DEMO",
      arity = "0..1",
      defaultValue = "digits",
      description = "what to run: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Demo demo = Demo.DIGITS;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      description = "how often to run all, from other weights and on other data (default: 10)")
  private @Nullable Integer seeds;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "where to write (default: out/DEMO in the current folder)")
  private @Nullable Path out;

  @Override
  public Integer call() throws IOException {
    switch (demo) {
      case DIGITS -> DigitsDemo.run(digits(), System.out);
    }
    return 0;
  }

  private DigitsDemo.Options digits() {
    DigitsDemo.Options options = DigitsDemo.Options.DEFAULTS;
    if (seeds != null) {
      if (seeds < 1) {
        throw new ParameterException(
            spec.commandLine(), "--seeds " + seeds + ", expected at least 1");
      }
      options = options.withSeeds(seeds);
    }
    return out == null ? options : options.withOutput(out);
  }
}

package io.parq.cli;

import io.parq.samples.digits.DigitsDemo;
import io.parq.samples.names.LongStudy;
import io.parq.samples.names.NamesDemo;
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
    description =
        "Trains on data that the project carries, at 1 to 4 bits, and reports what is lost.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "names: a language model of the names of the Unicode characters, at 2 and 3 bits (--full: 4"
          + " bits and ternary, too); four minutes on 2 cores. Writes packed models, report.html and"
          + " metrics.csv.",
      "digits: a classifier of 1,797 handwritten digits, at 1 to 4 bits; a minute. Writes the same.",
      "study: names with three seeds, a short and a long base, and PARQ against straight-through,"
          + " stretched against symmetric grids, fp32 against bf16 scales; an hour. Stopped, it goes"
          + " on where it was. Writes scores.csv and table.md."
    })
final class DemoCommand implements Callable<Integer> {
  /** The demos there are. */
  enum Demo {
    NAMES,
    DIGITS,
    STUDY;

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "DEMO",
      arity = "0..1",
      defaultValue = "names",
      description = "what to run: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Demo demo = Demo.NAMES;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      description = "digits, study: how often to run all, from other weights (default: 10, 3)")
  private @Nullable Integer seeds;

  @Option(names = "--full", description = "names: 4 bits and ternary weights, too")
  private boolean full;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "where to write (default: out/DEMO in the current folder)")
  private @Nullable Path out;

  @Override
  public Integer call() throws IOException {
    switch (demo) {
      case DIGITS -> DigitsDemo.run(digits(), System.out);
      case NAMES -> NamesDemo.run(names(), System.out);
      case STUDY -> LongStudy.run(study(), System.out);
    }
    return 0;
  }

  private NamesDemo.Options names() {
    if (seeds != null) {
      throw new ParameterException(spec.commandLine(), "--seeds goes with digits and study only");
    }
    NamesDemo.Options options = NamesDemo.Options.DEFAULTS.withFull(full);
    return out == null ? options : options.withOutput(out);
  }

  private LongStudy.Options study() {
    noFull();
    LongStudy.Options options = LongStudy.Options.DEFAULTS;
    if (seeds != null) {
      options = options.withSeeds(atLeastOne(seeds));
    }
    return out == null ? options : options.withOutput(out);
  }

  private DigitsDemo.Options digits() {
    noFull();
    DigitsDemo.Options options = DigitsDemo.Options.DEFAULTS;
    if (seeds != null) {
      options = options.withSeeds(atLeastOne(seeds));
    }
    return out == null ? options : options.withOutput(out);
  }

  private void noFull() {
    if (full) {
      throw new ParameterException(spec.commandLine(), "--full goes with names only");
    }
  }

  private int atLeastOne(int number) {
    if (number < 1) {
      throw new ParameterException(
          spec.commandLine(), "--seeds " + number + ", expected at least 1");
    }
    return number;
  }
}

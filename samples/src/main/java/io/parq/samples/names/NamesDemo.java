package io.parq.samples.names;

import io.parq.export.safetensors.AtomicFile;
import io.parq.samples.Progress;
import io.parq.torch.Torch;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Trains a small language model from scratch on the names of the Unicode characters, then brings
 * its weights to 2 to 4 bits: by rounding them once (PTQ), and by training on with the optimizer
 * wrapped (QAT). Prints a table and some names from each model, and writes the models as Hugging
 * Face folders and packed files, an HTML report and all scores.
 */
public final class NamesDemo {
  private NamesDemo() {}

  /**
   * What to run.
   *
   * @param full whether to run all widths (4, 3, 2 bits, ternary), not just 3 and 2 bits
   * @param output the folder for the files; made if missing
   * @param threads threads of an operation; results depend on their number
   * @param size what the model looks like and how long it is trained
   */
  public record Options(boolean full, Path output, int threads, Size size) {
    /** 3 and 2 bits on two threads, into {@code out/names} of the current folder. */
    public static final Options DEFAULTS =
        new Options(false, Path.of("out", "names"), 2, Size.QUICK);

    /** Checks the number of threads. */
    public Options {
      if (threads < 1) {
        throw new IllegalArgumentException("threads: " + threads + ", expected at least 1");
      }
    }

    /**
     * {@return this with all widths, or without}
     *
     * @param all whether all
     */
    public Options withFull(boolean all) {
      return new Options(all, output, threads, size);
    }

    /**
     * {@return this with another folder}
     *
     * @param folder for the files
     */
    public Options withOutput(Path folder) {
      return new Options(full, folder, threads, size);
    }
  }

  /**
   * Runs the demo.
   *
   * @param args none, or {@code --full}
   * @throws IOException if a file cannot be written or read
   */
  public static void main(String[] args) throws IOException {
    List<String> given = List.of(args);
    if (!given.isEmpty() && !given.equals(List.of("--full"))) {
      throw new IllegalArgumentException("arguments " + given + ", expected none or --full");
    }
    run(Options.DEFAULTS.withFull(!given.isEmpty()), System.out);
  }

  /**
   * Runs the demo. The same options give the same files and, times aside, the same text on one
   * machine.
   *
   * @param options what to run
   * @param out where to print; a progress bar goes to the terminal, if there is one
   * @throws IOException if a file cannot be written or read
   * @throws IllegalStateException if a packed file that is read back differs from the trained model
   */
  public static void run(Options options, PrintStream out) throws IOException {
    long start = System.nanoTime();
    Torch.setThreads(options.threads());
    UnicodeNames names = UnicodeNames.load(Study.SEED).withHeldOut(options.size().scoredNames());
    print(
        out,
        "Names of the Unicode characters: %,d, of which %,d held out (SHA-256 %s).%n",
        names.count(),
        names.heldOut().lines().count(),
        names.digest());
    Path folder = options.output();
    Files.createDirectories(folder);
    Findings findings;
    try (Progress progress = new Progress("Training", Study.work(options), out)) {
      findings = new Study(options, names, progress).run();
    }
    out.println();
    TextTable.print(findings, out);
    out.println();
    findings.verified().forEach(line -> out.println("wrote " + line));
    Path metrics = folder.resolve("metrics.csv");
    AtomicFile.replace(metrics, MetricsCsv.render(findings));
    out.printf("wrote %s%n", metrics);
    Path report = folder.resolve("report.html");
    AtomicFile.replace(report, Report.render(findings));
    out.printf("wrote %s%n", report);
    print(
        out,
        "Done in %.0f s: %,d training steps, %.1f a second.%n",
        (System.nanoTime() - start) / 1e9,
        Study.steps(options),
        findings.stepsPerSecond());
  }

  private static void print(PrintStream out, String pattern, Object... values) {
    out.print(String.format(Locale.ROOT, pattern, values));
  }
}

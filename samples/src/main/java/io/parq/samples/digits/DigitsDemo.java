package io.parq.samples.digits;

import io.parq.export.safetensors.AtomicFile;
import io.parq.samples.Progress;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Trains a small network on handwritten digits in full precision, then brings its weights to 1 to 4
 * bits: by rounding them once (PTQ), and by training on with the optimizer wrapped,
 * straight-through and with PARQ. Prints a table, and writes the packed networks, an HTML report
 * and all scores; then reads the packed files back and shows that the networks in them read every
 * image as the trained ones do.
 */
public final class DigitsDemo {
  private DigitsDemo() {}

  /**
   * What to run.
   *
   * @param seeds how many times to run all, each with other data to train on and other weights to
   *     start from; at least 1
   * @param baseEpochs passes over the images in full precision, at least 1
   * @param tuneEpochs passes over the images with quantization, at least 1
   * @param output the folder for the files; made if missing
   */
  public record Options(int seeds, int baseEpochs, int tuneEpochs, Path output) {
    /** The full run: 10 seeds, into {@code out/digits} of the current folder. */
    public static final Options DEFAULTS = new Options(10, 60, 40, Path.of("out", "digits"));

    /** Checks the numbers. */
    public Options {
      if (seeds < 1 || baseEpochs < 1 || tuneEpochs < 1) {
        throw new IllegalArgumentException(
            "%d seeds, %d base epochs, %d tuning epochs: expected at least 1 each"
                .formatted(seeds, baseEpochs, tuneEpochs));
      }
    }

    /**
     * {@return this with another number of seeds}
     *
     * @param number at least 1
     */
    public Options withSeeds(int number) {
      return new Options(number, baseEpochs, tuneEpochs, output);
    }

    /**
     * {@return this with another folder}
     *
     * @param folder for the files
     */
    public Options withOutput(Path folder) {
      return new Options(seeds, baseEpochs, tuneEpochs, folder);
    }
  }

  /**
   * Runs the demo with its defaults.
   *
   * @param args none
   * @throws IOException if a file cannot be written or read
   */
  public static void main(String[] args) throws IOException {
    if (args.length > 0) {
      throw new IllegalArgumentException("arguments " + List.of(args) + ", expected none");
    }
    run(Options.DEFAULTS, System.out);
  }

  /**
   * Runs the demo. The same options give the same files and, times aside, the same text.
   *
   * @param options what to run
   * @param out where to print; a progress bar goes to the terminal, if there is one
   * @throws IOException if a file cannot be written or read
   * @throws IllegalStateException if a network that is read back differs from the trained one
   */
  public static void run(Options options, PrintStream out) throws IOException {
    long start = System.nanoTime();
    Digits digits = Digits.load();
    Digits.Split split = digits.split(1, SeedRun.TEST_SHARE);
    out.printf(
        "Handwritten digits: %d networks, %d images to train on and %d to test on.%n",
        options.seeds() * (2 + 2 * Width.values().length),
        split.train().length,
        split.test().length);
    Findings findings = Findings.of(options, train(options, digits, out));
    out.println();
    TextTable.print(findings, out);
    out.println();
    write(findings, digits, out);
    out.printf(Locale.ROOT, "Done in %.0f s.%n", (System.nanoTime() - start) / 1e9);
  }

  private static List<SeedRun.Outcome> train(Options options, Digits digits, PrintStream out) {
    int epochs = options.seeds() * SeedRun.epochs(options.baseEpochs(), options.tuneEpochs());
    int threads = Math.min(options.seeds(), Runtime.getRuntime().availableProcessors());
    try (Progress progress = new Progress("Training", epochs, out);
        ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<SeedRun.Outcome>> running = new ArrayList<>();
      for (long seed = 1; seed <= options.seeds(); seed++) {
        SeedRun run =
            new SeedRun(seed, digits, options.baseEpochs(), options.tuneEpochs(), progress::step);
        running.add(pool.submit(run::run));
      }
      return await(running, pool);
    }
  }

  private static List<SeedRun.Outcome> await(
      List<Future<SeedRun.Outcome>> running, ExecutorService pool) {
    List<SeedRun.Outcome> outcomes = new ArrayList<>();
    try {
      for (Future<SeedRun.Outcome> run : running) {
        outcomes.add(run.get());
      }
      return outcomes;
    } catch (ExecutionException e) {
      pool.shutdownNow();
      throw new IllegalStateException("training failed: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      pool.shutdownNow();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while training", e);
    }
  }

  private static void write(Findings findings, Digits digits, PrintStream out) throws IOException {
    Path folder = findings.options().output();
    Files.createDirectories(folder);
    SeedRun.Outcome first = findings.first();
    Path base = folder.resolve("digits-fp32.safetensors");
    Quantized.writeUnquantized(first.base(), base, metadata("base"));
    out.printf("wrote %s, the base of seed %d%n", base, first.seed());
    for (Width width : Width.values()) {
      Path file = folder.resolve("digits-" + width.fileName() + ".safetensors");
      first.parq(width).write(file, metadata(width.label()));
      reload(file, first, width, digits, out);
    }
    Path metrics = folder.resolve("metrics.csv");
    AtomicFile.replace(metrics, MetricsCsv.render(findings));
    out.printf("wrote %s%n", metrics);
    Path report = folder.resolve("report.html");
    AtomicFile.replace(report, Report.render(findings, digits));
    out.printf("wrote %s%n", report);
  }

  private static Map<String, String> metadata(String weights) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("model", "digits, multi-layer perceptron");
    values.put("weights", weights);
    return values;
  }

  /** Reads a packed file from the disk and compares what its network reads, image by image. */
  static void reload(
      Path file, SeedRun.Outcome trained, Width width, Digits digits, PrintStream out)
      throws IOException {
    Quantized reloaded = Quantized.read(file, SeedRun.SIZES);
    int[] expected = trained.predictions(width, Method.PARQ);
    int[] found = reloaded.model().predict(digits.inputs(trained.split().test()));
    int identical = SeedRun.equal(expected, found);
    if (identical != expected.length) {
      throw new IllegalStateException(
          "%s, reloaded: %d of %d predictions identical, expected all"
              .formatted(file, identical, expected.length));
    }
    out.printf(
        "wrote %s, reloaded: %d of %d predictions identical%n", file, identical, expected.length);
  }
}

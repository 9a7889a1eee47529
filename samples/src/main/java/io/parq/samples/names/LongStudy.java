package io.parq.samples.names;

import io.parq.export.safetensors.AtomicFile;
import io.parq.grids.QuantConfig;
import io.parq.optim.ParameterFilter;
import io.parq.samples.Progress;
import io.parq.torch.CausalLm;
import io.parq.torch.Torch;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;

/**
 * The names demo over several seeds and two lengths of the base, with everything that one might
 * want compared: PARQ against straight-through, stretched against symmetric grids, fp32 against
 * bf16 scales, 3 bits trained against 4 bits rounded. Takes about an hour; a run that was stopped
 * goes on after its last score.
 */
public final class LongStudy {
  private final Options options;
  private final UnicodeNames names;
  private final PrintStream out;
  private final Path file;
  private final List<StudyScore> scores;

  /**
   * What to run.
   *
   * @param seeds how many, from 1 on
   * @param output the folder for scores, table and bases; made if missing
   * @param threads threads of an operation; results depend on their number
   * @param size of the models, and how long the short base is trained
   * @param longSteps how long the long base is trained
   */
  public record Options(int seeds, Path output, int threads, Size size, int longSteps) {
    /** Three seeds on two threads, into {@code out/study} of the current folder. */
    public static final Options DEFAULTS =
        new Options(3, Path.of("out", "study"), 2, Size.DEFAULT, 1800);

    /** Checks the numbers. */
    public Options {
      if (seeds < 1 || threads < 1 || longSteps < 1) {
        throw new IllegalArgumentException(
            "%d seeds, %d threads, %d steps of the long base: expected at least 1 each"
                .formatted(seeds, threads, longSteps));
      }
    }

    /**
     * {@return this with another number of seeds}
     *
     * @param number at least 1
     */
    public Options withSeeds(int number) {
      return new Options(number, output, threads, size, longSteps);
    }

    /**
     * {@return this with another folder}
     *
     * @param folder for the files
     */
    public Options withOutput(Path folder) {
      return new Options(seeds, folder, threads, size, longSteps);
    }
  }

  private LongStudy(Options options, PrintStream out) throws IOException {
    this.options = options;
    this.out = out;
    this.names = UnicodeNames.load(Study.SEED).withHeldOut(options.size().scoredNames());
    this.file = options.output().resolve("scores.csv");
    this.scores = Files.exists(file) ? StudyScore.read(Files.readString(file)) : new ArrayList<>();
  }

  /**
   * Runs what is not done yet, then prints the table and writes it as {@code table.md}.
   *
   * @param options what to run
   * @param out where to print
   * @throws IOException if a file cannot be written or read
   */
  public static void run(Options options, PrintStream out) throws IOException {
    Files.createDirectories(options.output());
    Torch.setThreads(options.threads());
    LongStudy study = new LongStudy(options, out);
    try (Progress progress = new Progress("Study", study.work(), out)) {
      Lab lab = new Lab(options.size(), study.names, progress);
      for (int seed = 1; seed <= options.seeds(); seed++) {
        study.shortBase(lab, seed);
      }
      for (int seed = 1; seed <= options.seeds(); seed++) {
        study.longBase(lab, seed);
      }
    }
    String table = StudyTable.render(study.scores);
    AtomicFile.replace(options.output().resolve("table.md"), table);
    out.println();
    out.print(table);
    out.println("wrote " + study.file + " and " + options.output().resolve("table.md"));
  }

  /** Pieces of work that are left. */
  private long work() {
    Size size = options.size();
    long left = 0;
    for (int seed = 1; seed <= options.seeds(); seed++) {
      for (String base : List.of(StudyScore.SHORT, StudyScore.LONG)) {
        int steps = base.equals(StudyScore.SHORT) ? size.baseSteps() : options.longSteps();
        left += work(seed, base, Trial.FP32, Trial.BASE, steps);
        left += work(seed, base, Trial.FP32, Trial.CONTROL, size.tuneSteps());
        for (Trial trial : trials(base)) {
          if (trial.trained()) {
            left += work(seed, base, trial.weights(), trial.method(), size.tuneSteps());
          } else {
            left += work(seed, base, trial.weights(), rounded(trial, Trial.BASE), 0);
            left += work(seed, base, trial.weights(), rounded(trial, Trial.CONTROL), 0);
          }
        }
      }
    }
    return Math.max(1, left);
  }

  private long work(int seed, String base, String weights, String method, int steps) {
    return done(seed, base, weights, method) ? 0 : steps + Lab.SCORING;
  }

  private static String rounded(Trial trial, String of) {
    return trial.method() + " of " + of;
  }

  private static List<Trial> trials(String base) {
    List<Trial> all = new ArrayList<>(Trial.roundings());
    all.addAll(Trial.main());
    if (base.equals(StudyScore.SHORT)) {
      all.addAll(Trial.variants());
    }
    return all;
  }

  private void shortBase(Lab lab, int seed) throws IOException {
    run(lab, seed, StudyScore.SHORT, Training.ofBase(options.size()), 1e-3);
  }

  private void longBase(Lab lab, int seed) throws IOException {
    run(lab, seed, StudyScore.LONG, new Training(options.longSteps(), 1.5e-3, false), 3e-4);
  }

  private void run(Lab lab, int seed, String base, Training training, double rate)
      throws IOException {
    Path folder = options.output().resolve(base + "-" + seed);
    Path control = options.output().resolve(base + "-" + seed + "-control");
    int steps = options.size().tuneSteps();
    if (!done(seed, base, Trial.FP32, Trial.BASE)) {
      try (PointerScope _ = new PointerScope();
          CausalLm model = CausalLm.create(options.size().model(), seed)) {
        lab.train(training, model, Map.of(), seed);
        model.save(folder);
        add(seed, base, Trial.FP32, Trial.BASE, lab.bits(model));
      }
    }
    if (!done(seed, base, Trial.FP32, Trial.CONTROL)) {
      try (PointerScope _ = new PointerScope();
          CausalLm model = CausalLm.load(folder)) {
        lab.train(new Training(steps, rate, false), model, Map.of(), ~seed);
        model.save(control);
        add(seed, base, Trial.FP32, Trial.CONTROL, lab.bits(model));
      }
    }
    for (Trial trial : trials(base)) {
      if (trial.trained()) {
        trained(lab, seed, base, folder, trial, rate);
      } else {
        rounded(lab, seed, base, folder, trial, Trial.BASE);
        rounded(lab, seed, base, control, trial, Trial.CONTROL);
      }
    }
  }

  private void rounded(Lab lab, int seed, String base, Path model, Trial trial, String of)
      throws IOException {
    String method = rounded(trial, of);
    if (!done(seed, base, trial.weights(), method)) {
      try (PointerScope _ = new PointerScope();
          CausalLm loaded = CausalLm.load(model)) {
        PackedModel.round(loaded, trial.configs());
        add(seed, base, trial.weights(), method, lab.bits(loaded));
      }
    }
  }

  private void trained(Lab lab, int seed, String base, Path model, Trial trial, double rate)
      throws IOException {
    if (!done(seed, base, trial.weights(), trial.method())) {
      Map<ParameterFilter, QuantConfig> configs = trial.configs();
      Training training =
          new Training(options.size().tuneSteps(), rate, trial.method().equals(Trial.PARQ));
      try (PointerScope _ = new PointerScope();
          CausalLm loaded = CausalLm.load(model)) {
        lab.train(training, loaded, configs, ~seed);
        add(seed, base, trial.weights(), trial.method(), lab.bits(loaded));
      }
    }
  }

  private boolean done(int seed, String base, String weights, String method) {
    return scores.stream().anyMatch(score -> score.is(seed, base, weights, method));
  }

  private void add(int seed, String base, String weights, String method, double bits)
      throws IOException {
    StudyScore score = new StudyScore(seed, base, weights, method, bits);
    scores.add(score);
    AtomicFile.replace(file, StudyScore.write(scores));
    out.println(score.line());
  }
}

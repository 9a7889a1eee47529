package io.parq.benchmarks;

import io.parq.torch.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The short form of the benchmarks: what each step costs in ratios, on memory that no cache holds
 * and on many small tensors. Rounds are interleaved: each takes one sample of the subject and one
 * of everything that it is compared to. The shortest of each counts, and the median of the rounds'
 * ratios.
 */
public final class Bench {
  /** Nanoseconds after which slow rows end early. */
  private static final long BUDGET = 600_000_000;

  private static final int ROUNDS = 31;
  private static final int LEAST_ROUNDS = 3;

  /** Less than a step over the small model takes: in training others use the caches in between. */
  private static final long SAMPLE_NANOS = 1_000_000;

  private final Options options;

  /**
   * What to measure.
   *
   * @param threads that each step may use, at least 1
   * @param rounds at most, at least 1
   * @param sampleNanos how long a sample takes about; steps that are shorter are repeated
   * @param full whether all maps, granularities and bits are measured on both models, instead of a
   *     choice
   * @param large a model that no cache holds
   * @param small a model of many small tensors
   */
  record Options(
      int threads, int rounds, long sampleNanos, boolean full, Model large, Model small) {
    Options {
      if (threads < 1) {
        throw new IllegalArgumentException("threads: " + threads + ", expected at least 1");
      }
    }
  }

  private Bench(Options options) {
    this.options = options;
  }

  /**
   * Measures.
   *
   * @param threads that each step may use, at least 1; they are set for the whole process, and only
   *     before any optimizer was made
   * @param full whether all maps, granularities and bits are measured on both models, instead of a
   *     choice that takes a minute and a half
   * @param listener is given each row as soon as it is measured
   * @return all rows
   * @throws IllegalArgumentException if the threads are fewer than 1
   * @throws IllegalStateException if something timed did not compute what it should
   */
  public static List<Row> run(int threads, boolean full, Consumer<Row> listener) {
    return run(
        new Options(threads, ROUNDS, SAMPLE_NANOS, full, Model.LARGE, Model.SMALL), listener);
  }

  static List<Row> run(Options options, Consumer<Row> listener) {
    setThreads(options.threads());
    return new Bench(options).measure(listener);
  }

  /** Our optimizers read the property when the first one is made. */
  static void setThreads(int threads) {
    System.setProperty("io.parq.threads", Integer.toString(threads));
    Torch.setThreads(threads);
  }

  private List<Row> measure(Consumer<Row> listener) {
    List<Row> rows = new ArrayList<>();
    List<Subject> subjects = Subject.all(options);
    for (Model model : List.of(options.large(), options.small())) {
      try (Case adamW = new AdamWCase(model);
          Case copy = new StreamCase(Math.toIntExact(model.size()), false, options.threads())) {
        Timing toAdamW = timing(adamW);
        Timing toCopy = timing(copy);
        for (Subject subject : subjects) {
          if (subject.model().equals(model)) {
            Row row = measure(subject, toAdamW, toCopy);
            rows.add(row);
            listener.accept(row);
          }
        }
        adamW.check();
        copy.check();
      }
    }
    return rows;
  }

  private Timing timing(Case subject) {
    return new Timing(subject, options.sampleNanos());
  }

  private Row measure(Subject subject, Timing adamW, Timing copy) {
    try (Case opened = subject.opener().get()) {
      Timing timing = timing(opened);
      if (subject.section() != Section.WRAPPED) {
        return measure(subject, timing, adamW, adamW, copy);
      }
      try (Case libTorch = new TorchCase.Plain(subject.model())) {
        return measure(subject, timing, timing(libTorch), adamW, copy);
      }
    }
  }

  private Row measure(Subject subject, Timing timing, Timing baseline, Timing adamW, Timing copy) {
    List<Timing> others = List.of(baseline, adamW, copy).stream().distinct().toList();
    others.forEach(Timing::reset);
    double[] ratios = new double[options.rounds()];
    int rounds = 0;
    long start = System.nanoTime();
    while (rounds < options.rounds()
        && (rounds < LEAST_ROUNDS || System.nanoTime() - start < BUDGET)) {
      others.forEach(Timing::sample);
      timing.sample();
      ratios[rounds] = timing.latestPerWeight() / baseline.latestPerWeight();
      rounds++;
    }
    timing.subject().check();
    Arrays.sort(ratios, 0, rounds);
    boolean cached = !subject.model().equals(options.large());
    return new Row(
        subject.model().name(),
        subject.section().title(),
        subject.name(),
        timing.subject().weights(),
        timing.subject().bytes(),
        rounds,
        timing.nanos(),
        timing.nanosPerWeight() / baseline.nanosPerWeight(),
        (ratios[(rounds - 1) / 2] + ratios[rounds / 2]) / 2,
        timing.nanosPerWeight() / adamW.nanosPerWeight(),
        cached ? Double.NaN : timing.nanosPerByte() / copy.nanosPerByte(),
        timing.allocated());
  }
}

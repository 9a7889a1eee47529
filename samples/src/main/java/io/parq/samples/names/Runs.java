package io.parq.samples.names;

import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs models as they are used: from their files, with packed weights, without LibTorch. */
final class Runs {
  /** How names are drawn from a model. */
  static final double TEMPERATURE = 0.7;

  private static final int NAMES = 4;
  private static final int LONGEST_NAME = 80;

  /** Nanoseconds until all loops of a model are compiled, about. */
  private static final long WARM_UP = 700_000_000;

  private static final int ROUNDS = 5;

  private Runs() {}

  /**
   * A model to be timed.
   *
   * @param label its weights
   * @param bits its score
   * @param weights a packed file, or a Hugging Face folder
   */
  record Candidate(String label, double bits, Path weights) {}

  private static LanguageModel load(Path weights, Path config) throws IOException {
    return LanguageModel.load(weights, LoadOptions.DEFAULTS.withoutCache().withConfig(config));
  }

  /**
   * Draws some names, with the same seeds from every model.
   *
   * @param weights a packed file, or a Hugging Face folder
   * @param config the folder with the configuration and the tokenizer
   */
  static List<String> names(Path weights, Path config) throws IOException {
    try (LanguageModel model = load(weights, config)) {
      List<String> names = new ArrayList<>();
      for (int seed = 1; seed <= NAMES; seed++) {
        Generation how =
            new Generation(LONGEST_NAME, Sampling.at(TEMPERATURE, seed), List.of("\n"));
        String name = model.generate("\n", how, _ -> {}).text();
        // A model that has learned little says anything, also what steers a terminal.
        names.add(name.replaceAll("[^ -~]", "?"));
      }
      return List.copyOf(names);
    }
  }

  /**
   * Times models in turns, so that what else the machine does meets all of them; the best turn of
   * each counts.
   *
   * @param config the folder with the configuration and the tokenizer
   */
  static List<Speed> speeds(List<Candidate> candidates, Path config) throws IOException {
    List<LanguageModel> models = new ArrayList<>();
    try {
      for (Candidate candidate : candidates) {
        models.add(load(candidate.weights(), config));
      }
      double[] rates = new double[models.size()];
      for (LanguageModel model : models) {
        long end = System.nanoTime() + WARM_UP;
        while (System.nanoTime() < end) {
          rate(model);
        }
      }
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < rates.length; i++) {
          rates[i] = Math.max(rates[i], rate(models.get(i)));
        }
      }
      List<Speed> speeds = new ArrayList<>();
      for (int i = 0; i < rates.length; i++) {
        Candidate candidate = candidates.get(i);
        long bytes = models.get(i).weightBytes();
        speeds.add(new Speed(candidate.label(), candidate.bits(), bytes, rates[i]));
      }
      return speeds;
    } finally {
      models.forEach(LanguageModel::close);
    }
  }

  private static double rate(LanguageModel model) {
    int most = model.config().maxPositions();
    Generation.Result result = model.generate("\n", Generation.greedy(most), _ -> {});
    return result.decodeRate();
  }
}

package io.parq.samples.digits;

import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * All networks of one seed: the base, then from it, for each width, the rounded one and the two
 * that are trained on with quantization, over the same batches for as many steps.
 */
final class SeedRun {
  /** Inputs, two hidden layers, outputs. */
  static final int[] SIZES = {Digits.PIXELS, 32, 32, Digits.CLASSES};

  /** Share of the images that networks are tested on. */
  static final double TEST_SHARE = 1.0 / 3;

  /** Share of the steps after which PARQ's weights lie on their levels. */
  static final double ANNEALED = 0.5;

  private static final int BATCH = 32;
  private static final double WEIGHT_DECAY = 0.1;

  private final long seed;
  private final Digits digits;
  private final Digits.Split split;
  private final float[] testInputs;
  private final Training fromScratch;
  private final Training onward;
  private final Runnable epochDone;
  private final List<Score> scores = new ArrayList<>();
  private final Map<Width, Quantized> parq = new EnumMap<>(Width.class);
  private final Map<Width, Map<Method, int[]>> predictions = new EnumMap<>(Width.class);
  private final Map<Width, WeightHistory> histories = new EnumMap<>(Width.class);

  /**
   * What came of it.
   *
   * @param seed the seed
   * @param split which images were trained and tested on
   * @param base the network in full precision
   * @param scores one for each width and method
   * @param parq the networks that PARQ trained
   * @param predictions a digit for each test image, by width and method
   * @param histories how PARQ's weights gathered
   */
  record Outcome(
      long seed,
      Digits.Split split,
      Mlp base,
      List<Score> scores,
      Map<Width, Quantized> parq,
      Map<Width, Map<Method, int[]>> predictions,
      Map<Width, WeightHistory> histories) {

    /** The network of a width that PARQ trained. */
    Quantized parq(Width width) {
      return Objects.requireNonNull(parq.get(width), width.label());
    }

    /** How the weights of a width gathered. */
    WeightHistory history(Width width) {
      return Objects.requireNonNull(histories.get(width), width.label());
    }

    /** What a network of a width read in each test image. */
    int[] predictions(Width width, Method method) {
      Map<Method, int[]> byMethod = predictions.getOrDefault(width, Map.of());
      return Objects.requireNonNull(byMethod.get(method), width.label());
    }
  }

  SeedRun(long seed, Digits digits, int baseEpochs, int tuneEpochs, Runnable epochDone) {
    this.seed = seed;
    this.digits = digits;
    this.split = digits.split(seed, TEST_SHARE);
    this.testInputs = digits.inputs(split.test());
    this.fromScratch = baseTraining(baseEpochs);
    this.onward = tuning(tuneEpochs);
    this.epochDone = epochDone;
  }

  /** How the base is trained. */
  static Training baseTraining(int epochs) {
    return new Training(epochs, BATCH, 1e-2, WEIGHT_DECAY);
  }

  /** How all others are trained from the base. */
  static Training tuning(int epochs) {
    return new Training(epochs, BATCH, 5e-3, WEIGHT_DECAY);
  }

  /** Epochs of all networks of a seed together. */
  static int epochs(int baseEpochs, int tuneEpochs) {
    return baseEpochs + (1 + 2 * Width.values().length) * tuneEpochs;
  }

  Outcome run() {
    Mlp base = new Mlp(seed, SIZES);
    train(fromScratch, base, null, ProxMap.hard(), seed, optimizer -> {});
    score(null, Method.BASE, base);
    Mlp control = base.copy();
    tune(control, null, ProxMap.hard(), optimizer -> {});
    score(null, Method.CONTROL, control);
    for (Width width : Width.values()) {
      score(width, Method.PTQ, Quantized.afterTraining(base, width.afterTraining()).model());
      score(width, Method.STRAIGHT_THROUGH, straightThrough(base, width));
      Quantized annealed = annealed(base, width);
      parq.put(width, annealed);
      score(width, Method.PARQ, annealed.model());
    }
    return new Outcome(seed, split, base, List.copyOf(scores), parq, predictions, histories);
  }

  private Mlp straightThrough(Mlp base, Width width) {
    Mlp model = base.copy();
    tune(model, width.training(), ProxMap.hard(), optimizer -> {}).quantized();
    return model;
  }

  private Quantized annealed(Mlp base, Width width) {
    Mlp model = base.copy();
    long steps = onward.steps(split.train().length);
    ProxMap map = ProxMap.parq(0, Math.max(1, Math.round(ANNEALED * steps)));
    WeightHistory history = new WeightHistory(width.training().grid().levelCount());
    history.add(model, roundedLattices(base, width.training()), 1);
    QuantOptimizer optimizer =
        tune(
            model,
            width.training(),
            map,
            now -> history.add(model, now.lattices(), now.inverseSlope()));
    histories.put(width, history);
    return new Quantized(model, optimizer.quantized());
  }

  private static Map<String, Lattice> roundedLattices(Mlp model, QuantConfig config) {
    Map<String, Lattice> lattices = new HashMap<>();
    for (Map.Entry<String, QuantizedTensor> weights :
        Quantized.afterTraining(model, config).weights().entrySet()) {
      lattices.put(weights.getKey(), weights.getValue().lattice());
    }
    return lattices;
  }

  private QuantOptimizer tune(
      Mlp model, @Nullable QuantConfig config, ProxMap map, Training.Listener listener) {
    // The same batches for all; others than the base saw.
    return train(onward, model, config, map, ~seed, listener);
  }

  private QuantOptimizer train(
      Training training,
      Mlp model,
      @Nullable QuantConfig config,
      ProxMap map,
      long batches,
      Training.Listener listener) {
    return training.run(
        model,
        config,
        map,
        digits,
        split.train(),
        batches,
        optimizer -> {
          listener.epochDone(optimizer);
          epochDone.run();
        });
  }

  private void score(@Nullable Width width, Method method, Mlp model) {
    int[] read = model.predict(testInputs);
    int[] labels = digits.labels(split.test());
    scores.add(new Score(seed, width, method, equal(read, labels), labels.length));
    if (width != null) {
      predictions.computeIfAbsent(width, key -> new EnumMap<>(Method.class)).put(method, read);
    }
  }

  /** In how many places two arrays of one length agree. */
  static int equal(int[] first, int[] second) {
    int equal = 0;
    for (int i = 0; i < first.length; i++) {
      equal += first[i] == second[i] ? 1 : 0;
    }
    return equal;
  }
}

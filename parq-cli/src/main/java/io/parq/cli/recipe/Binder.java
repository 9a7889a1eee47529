package io.parq.cli.recipe;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.optim.Moments;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes a recipe of values that were read, and checks what no key alone can tell. After a problem
 * it goes on with defaults, to find the others too.
 */
final class Binder {
  private final Reading reading;
  private final Map<String, Place> places;
  private Recipe.Target target = Recipe.Target.SAFETENSORS;

  Binder(Reading reading, Map<String, Place> places) {
    this.reading = reading;
    this.places = places;
  }

  Recipe recipe(Values recipe) {
    target = recipe.get(Keys.TARGET);
    Recipe.Train train = train(recipe.get(Keys.TRAIN));
    Qat qat = qat(recipe);
    Schedule schedule = schedule(recipe.get(Keys.SCHEDULE));
    if (train.steps() != null) {
      long steps = train.steps();
      attempt(() -> qat.prox().map(steps));
      attempt(() -> schedule.schedule(steps));
      if (qat.quantizesWeights()) {
        attempt(() -> qat.warmup(steps));
      }
    }
    Recipe.Model model = recipe.get(Keys.MODEL);
    Path output = recipe.get(Keys.OUTPUT);
    if (model instanceof Recipe.Model.Folder folder && folder.path().equals(output)) {
      recipe.problem(Keys.OUTPUT, "found the folder of the model itself, expected another");
    }
    return new Recipe(
        model,
        data(recipe.get(Keys.DATA)),
        qat,
        optimizer(recipe.get(Keys.OPTIMIZER)),
        schedule,
        train,
        target,
        output,
        metrics(recipe.get(Keys.METRICS)));
  }

  /** {@return what a conversion gives, or null if it throws a problem, which is then reported} */
  private <T> @Nullable T attempt(Supplier<T> conversion) {
    try {
      return conversion.get();
    } catch (KeyException e) {
      reading.problem(RecipeFile.place(places, e.key()), e.key(), e.problem());
      return null;
    }
  }

  private static Recipe.Data data(Values data) {
    return new Recipe.Data(
        data.get(Keys.TRAIN_DATA),
        data.get(Keys.EVAL_DATA).orElse(null),
        Math.toIntExact(data.get(Keys.SEQUENCE_LENGTH)),
        data.get(Keys.FORMAT));
  }

  private static Recipe.Metrics metrics(Values metrics) {
    return new Recipe.Metrics(
        metrics.get(Keys.CSV), metrics.get(Keys.JSONL), metrics.get(Keys.TENSORBOARD));
  }

  private static Recipe.Train train(Values train) {
    Optional<Long> steps = train.get(Keys.STEPS);
    Optional<Double> epochs =
        steps.isPresent() && !train.isGiven(Keys.EPOCHS)
            ? Optional.empty()
            : train.get(Keys.EPOCHS);
    if (steps.isPresent() && epochs.isPresent()) {
      train.problem(Keys.EPOCHS, "found together with steps, expected one of them");
      epochs = Optional.empty();
    } else if (steps.isEmpty() && epochs.isEmpty()) {
      train.problem(Keys.EPOCHS, "found none, and no steps, expected one of them");
      epochs = Optional.of(1.0);
    }
    return new Recipe.Train(
        steps.orElse(null),
        epochs.orElse(null),
        Math.toIntExact(train.get(Keys.BATCH_SIZE)),
        Math.toIntExact(train.get(Keys.GRADIENT_ACCUMULATION)),
        train.get(Keys.CLIP_NORM).orElse(null),
        train.get(Keys.EVAL_EVERY),
        train.get(Keys.CHECKPOINT_EVERY),
        Math.toIntExact(train.get(Keys.KEEP)),
        train.get(Keys.SEED),
        train.get(Keys.THREADS).map(Math::toIntExact).orElse(null),
        train.get(Keys.ON_NON_FINITE));
  }

  private BaseOptimizer optimizer(Values optimizer) {
    List<Double> betas = optimizer.get(Keys.BETAS);
    BaseOptimizer made =
        attempt(
            () ->
                new BaseOptimizer(
                    optimizer.get(Keys.OPTIMIZER_NAME),
                    optimizer.get(Keys.LR),
                    optimizer.get(Keys.WEIGHT_DECAY),
                    betas.get(0),
                    betas.get(1),
                    optimizer.get(Keys.EPS),
                    optimizer.get(Keys.MOMENTUM),
                    optimizer.get(Keys.NESTEROV),
                    optimizer.get(Keys.MOMENTS)));
    return made == null
        ? new BaseOptimizer(BaseOptimizer.Name.SGD, 0, 0, 0, 0, 0, 0, false, Moments.FP32)
        : made;
  }

  private static Schedule schedule(Values schedule) {
    return new Schedule(
        schedule.get(Keys.SCHEDULE_NAME),
        schedule.get(Keys.WARMUP),
        schedule.get(Keys.MIN_FACTOR),
        schedule.get(Keys.DECAY));
  }

  private Qat qat(Values recipe) {
    Values qat = recipe.get(Keys.QAT);
    if (recipe.isGiven(Keys.QAT)
        && recipe.isSound(Keys.QAT)
        && !qat.isGiven(Keys.SCHEME)
        && !qat.isGiven(Keys.LINEAR)
        && !qat.isGiven(Keys.EMBEDDING)
        && !qat.isGiven(Keys.FILTERS)) {
      recipe.problem(
          Keys.QAT, "found nothing to quantize, expected scheme, linear, embedding or filters");
    }
    @Nullable Scheme scheme = qat.get(Keys.SCHEME).orElse(null);
    @Nullable ActivationQuantization activations =
        qat.get(Keys.ACTIVATIONS)
            .orElse(scheme == null || qat.isGiven(Keys.ACTIVATIONS) ? null : scheme.activations());
    return new Qat(
        weights(qat, Keys.LINEAR, scheme == null ? null : scheme.linear()),
        weights(qat, Keys.EMBEDDING, scheme == null ? null : scheme.embedding()),
        qat.get(Keys.FILTERS).stream()
            .map(filter -> new Qat.Named(filter.get(Keys.FILTER_NAME), weights(filter, null)))
            .toList(),
        activations,
        prox(qat.get(Keys.PROX)),
        qat.get(Keys.QAT_WARMUP),
        Math.toIntExact(qat.get(Keys.QUANT_PERIOD)),
        qat.get(Keys.QUANT_SHRINK),
        qat.get(Keys.ANNEAL_WD_FRAC));
  }

  private Prox prox(Values prox) {
    boolean sound =
        prox.isSound(
            Keys.MAP, Keys.ANNEAL_START, Keys.ANNEAL_END, Keys.STEEPNESS, Keys.T_START, Keys.T_END);
    Prox made =
        sound
            ? attempt(
                () ->
                    new Prox(
                        prox.get(Keys.MAP),
                        prox.get(Keys.ANNEAL_START),
                        prox.get(Keys.ANNEAL_END),
                        prox.get(Keys.STEEPNESS),
                        prox.get(Keys.ANNEAL_CENTER),
                        prox.get(Keys.T_START),
                        prox.get(Keys.T_END),
                        prox.get(Keys.T_POWER)))
            : null;
    Steps none = new Steps(0, false);
    return made == null ? new Prox(Prox.Shape.HARD, none, none, 1, 0, 1, 2, 1) : made;
  }

  private @Nullable QuantConfig weights(
      Values qat, Key<Values> section, @Nullable QuantConfig scheme) {
    Values weights = qat.get(section);
    return weights.isEmpty() && !qat.isGiven(section) ? scheme : weights(weights, scheme);
  }

  /** {@return how weights are quantized, or null if they are not or a problem was reported} */
  private @Nullable QuantConfig weights(Values weights, @Nullable QuantConfig scheme) {
    if (!weights.isSound(Keys.BITS, Keys.GRID, Keys.GRANULARITY, Keys.SCALE)) {
      return null;
    }
    Grid grid = grid(weights, scheme);
    if (grid == null) {
      return null;
    }
    Granularity granularity =
        scheme == null || weights.isGiven(Keys.GRANULARITY)
            ? weights.get(Keys.GRANULARITY)
            : scheme.granularity();
    try {
      ScaleType scale =
          weights
              .get(Keys.SCALE)
              .orElse(
                  scheme == null
                      ? Targets.scaleType(target, grid, granularity)
                      : scheme.scaleType());
      return new QuantConfig(grid, granularity, scale);
    } catch (IllegalArgumentException e) {
      weights.problem(Keys.SCALE, "found " + e.getMessage());
      return null;
    }
  }

  private static @Nullable Grid grid(Values weights, @Nullable QuantConfig scheme) {
    GridName name = weights.get(Keys.GRID);
    Integer bits = weights.get(Keys.BITS).map(Math::toIntExact).orElse(null);
    if (bits == null && weights.isGiven(Keys.BITS)) {
      if (!name.isAuto()) {
        weights.problem(
            Keys.GRID, "found '%s' with bits: none, expected no grid".formatted(name.text()));
      }
      return null;
    }
    boolean needsBits = name.isAuto() || name.isWidthless();
    if (bits == null && needsBits) {
      if (scheme == null) {
        weights.problem(Keys.BITS, "missing, expected " + Keys.BITS.type().expected());
        return null;
      }
      if (name.isAuto()) {
        return scheme.grid();
      }
      bits = scheme.bits();
    }
    try {
      Grid grid = name.grid(bits);
      if (bits != null && grid.bits() != bits) {
        weights.problem(
            Keys.BITS,
            "found %d with grid: %s, expected %d".formatted(bits, name.text(), grid.bits()));
        return null;
      }
      return grid;
    } catch (IllegalArgumentException e) {
      weights.problem(Keys.GRID, "found " + e.getMessage());
      return null;
    }
  }
}

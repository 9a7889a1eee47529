package io.parq.cli.recipe;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.Granularity;
import io.parq.grids.ScaleType;
import io.parq.optim.Moments;
import io.parq.optim.NonFinite;
import io.parq.torch.train.TextFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Every key of a recipe. The messages about wrong recipes, the printed defaults and the table in
 * docs/recipes.md come from here.
 */
final class Keys {
  // Weights of a kind.
  static final Key<Optional<Long>> BITS =
      Key.of("bits", Types.or("none", Types.integer(1, 8)), "none", "bits of a weight");
  static final Key<GridName> GRID =
      Key.of(
          "grid",
          GridName.type(),
          "auto",
          "the levels of a weight; auto: stretched up to 3 bits, else symmetric");
  static final Key<Granularity> GRANULARITY =
      Key.of("granularity", granularity(), "per-row", "what shares a scale");
  static final Key<Optional<ScaleType>> SCALE =
      Key.of(
          "scale",
          Types.or("auto", Types.choice(ScaleType.class)),
          "auto",
          "what scales are rounded to; auto: as the scheme says, or else to what the target holds"
              + " exactly; bf16 if it holds any, as safetensors and parq do");
  static final Section WEIGHTS = Section.of(BITS, GRANULARITY, GRID, SCALE);

  static final Key<String> FILTER_NAME =
      Key.required(
          "name",
          Types.scalar(
              "a name such as \"*.lm_head.*\"", List.of(), text -> text.isBlank() ? null : text),
          "\"*.lm_head.*\"",
          "names of parameters; * stands for anything, ? for one character");
  static final Section FILTER = Section.of(FILTER_NAME, BITS, GRANULARITY, GRID, SCALE);

  // model: new
  static final Key<Map<String, @Nullable Object>> NEW =
      Key.required(
          "new",
          new RawMapping(),
          "{}",
          "the config of a model that starts from random weights, as in a config.json: model_type,"
              + " hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads,"
              + " intermediate_size, vocab_size, tie_word_embeddings and so on");
  static final Key<Optional<Path>> TOKENIZER =
      Key.of(
          "tokenizer",
          Types.or("bytes", Types.path("a tokenizer.json", Types.Exists.FILE)),
          "bytes",
          "what turns text into tokens; bytes: every byte is one");
  static final Section NEW_MODEL = Section.of(NEW, TOKENIZER);

  // data
  static final Key<Path> TRAIN_DATA =
      Key.required(
          "train", Types.path("a file", Types.Exists.FILE), "train.txt", "what to train on");
  static final Key<Optional<Path>> EVAL_DATA =
      Key.of(
          "eval",
          Types.or("none", Types.path("a file", Types.Exists.FILE)),
          "none",
          "what to evaluate on");
  static final Key<Long> SEQUENCE_LENGTH =
      Key.of("sequence_length", Types.integer(1, 1 << 20), "256", "tokens of a training sequence");
  static final Key<TextFormat> FORMAT =
      Key.of(
          "format",
          Types.choice(TextFormat.class),
          "auto",
          "of both files: plain text, a JSON object with text in each line, or one with messages;"
              + " auto: either kind of lines if a name ends in .jsonl, else plain text");

  // qat.prox
  static final Key<Prox.Shape> MAP =
      Key.of(
          "map",
          Types.choice(Prox.Shape.class),
          "parq",
          "the proximal map, which pulls weights to levels; hard rounds at once");
  static final Key<Steps> ANNEAL_START =
      annealed("anneal_start", Types.steps(), "0.0", "when the pull begins");
  static final Key<Steps> ANNEAL_END =
      annealed("anneal_end", Types.steps(), "0.4", "from when on weights lie on their levels");
  static final Key<Double> STEEPNESS =
      Key.of("steepness", Types.aboveZero(), "10.0", "of the pull's sigmoid over time")
          .onlyWith(MAP, Prox.Shape.PARQ);
  static final Key<Double> ANNEAL_CENTER =
      Key.of("anneal_center", Types.unit(), "0.5", "fraction of the window where it is steepest")
          .onlyWith(MAP, Prox.Shape.PARQ);
  static final Key<Double> T_START =
      Key.of("t_start", Types.aboveZero(), "1.0", "temperature at the start")
          .onlyWith(MAP, Prox.Shape.SOFT_QUANT);
  static final Key<Double> T_END =
      Key.of("t_end", Types.aboveZero(), "1000.0", "temperature at the end")
          .onlyWith(MAP, Prox.Shape.SOFT_QUANT);
  static final Key<Double> T_POWER =
      Key.of("t_power", Types.aboveZero(), "1.0", "how the temperature rises: 1 evenly, 2 late")
          .onlyWith(MAP, Prox.Shape.SOFT_QUANT);

  // qat
  static final Key<Optional<Scheme>> SCHEME =
      Key.of(
          "scheme",
          Types.or("none", Types.choice(Scheme.class)),
          "none",
          "one word for linear, embedding and activations; what is spelled out has priority");
  static final Key<Values> LINEAR = Key.of("linear", WEIGHTS, "{}", "weights of linear layers");
  static final Key<Values> EMBEDDING = Key.of("embedding", WEIGHTS, "{}", "embedding tables");
  static final Key<List<Values>> FILTERS =
      Key.of(
          "filters",
          Types.list("a list of mappings of name, bits, granularity, grid, scale", 0, FILTER),
          "[]",
          "exceptions by name, for any weights but norms and biases; the first that fits counts");
  static final Key<Optional<ActivationQuantization>> ACTIVATIONS =
      Key.of(
          "activations",
          Types.or("none", Types.choice(ActivationQuantization.class)),
          "none",
          "how the inputs of linear layers with quantized weights are rounded, as a runtime does"
              + " that quantizes activations");
  static final Key<Values> PROX =
      Key.of(
          "prox",
          Section.of(
              MAP, ANNEAL_START, ANNEAL_END, STEEPNESS, ANNEAL_CENTER, T_START, T_END, T_POWER),
          "{}",
          "how weights get to their levels");
  static final Key<Steps> QAT_WARMUP =
      Key.of("warmup_steps", Types.steps(), "0", "steps before quantization begins");
  static final Key<Long> QUANT_PERIOD =
      Key.of(
          "quant_period",
          Types.integer(1, Integer.MAX_VALUE),
          "10",
          "steps after which scales are fitted again");
  static final Key<Boolean> QUANT_SHRINK =
      Key.of(
          "quant_shrink",
          Types.bool(),
          "false",
          "divide weights by the sum of learning rates before they are pulled");
  static final Key<Double> ANNEAL_WD_FRAC =
      Key.of(
          "anneal_wd_frac",
          Types.unit(),
          "0.0",
          "fraction of the weight decay that fades as the pull grows");

  // optimizer and schedule
  static final Key<BaseOptimizer.Name> OPTIMIZER_NAME =
      Key.of("name", Types.choice(BaseOptimizer.Name.class), "adamw", "the base optimizer");
  static final Key<Double> LR = Key.of("lr", Types.atLeastZero(), "3e-4", "learning rate");
  static final Key<Double> WEIGHT_DECAY =
      Key.of("weight_decay", Types.atLeastZero(), "0.0", "weight decay");
  static final Key<List<Double>> BETAS =
      Key.of(
              "betas",
              Types.list(
                  "two numbers from 0 to below 1, such as [0.9, 0.999]", 2, Types.belowOne()),
              "[0.9, 0.999]",
              "decay of the running averages of gradient and squared gradient")
          .onlyWith(OPTIMIZER_NAME, BaseOptimizer.Name.ADAMW, BaseOptimizer.Name.ADAM);
  static final Key<Double> EPS =
      Key.of("eps", Types.atLeastZero(), "1e-8", "added to the denominator")
          .onlyWith(OPTIMIZER_NAME, BaseOptimizer.Name.ADAMW, BaseOptimizer.Name.ADAM);
  static final Key<Double> MOMENTUM =
      Key.of("momentum", Types.atLeastZero(), "0.0", "share of the last update that is kept")
          .onlyWith(OPTIMIZER_NAME, BaseOptimizer.Name.SGD);
  static final Key<Boolean> NESTEROV =
      Key.of("nesterov", Types.bool(), "false", "whether momentum looks ahead")
          .onlyWith(OPTIMIZER_NAME, BaseOptimizer.Name.SGD);
  static final Key<Moments> MOMENTS =
      Key.of(
          "moments",
          Types.choice(Moments.class),
          "fp32",
          "precision in which running averages and momentum are kept; lower ones save memory");

  static final Key<Schedule.Name> SCHEDULE_NAME =
      Key.of(
          "name",
          Types.choice(Schedule.Name.class),
          "cosine",
          "how the learning rate falls; wsd: it stays, then falls linearly");
  static final Key<Steps> WARMUP =
      Key.of("warmup", Types.steps(), "0.05", "steps in which the learning rate rises");
  static final Key<Double> MIN_FACTOR =
      Key.of("min_factor", Types.unit(), "0.0", "where it ends, as a factor on the learning rate")
          .onlyWith(SCHEDULE_NAME, Schedule.Name.COSINE, Schedule.Name.LINEAR, Schedule.Name.WSD);
  static final Key<Steps> DECAY =
      Key.of("decay", Types.steps(), "0.2", "last steps, in which it falls")
          .onlyWith(SCHEDULE_NAME, Schedule.Name.WSD);

  // train
  static final Key<Optional<Long>> STEPS =
      Key.of(
          "steps",
          Types.or("none", Types.integer(1, 1_000_000_000)),
          "none",
          "steps to train, instead of epochs");
  static final Key<Optional<Double>> EPOCHS =
      Key.of(
          "epochs",
          Types.or("none", Types.aboveZero()),
          "1.0",
          "passes over the training data, if steps are not given");
  static final Key<Long> BATCH_SIZE =
      Key.of("batch_size", Types.integer(1, 1 << 20), "8", "sequences of a forward pass");
  static final Key<Long> GRADIENT_ACCUMULATION =
      Key.of(
          "gradient_accumulation",
          Types.integer(1, 1 << 20),
          "1",
          "forward and backward passes of a step");
  static final Key<Optional<Double>> CLIP_NORM =
      Key.of(
          "clip_norm", Types.or("none", Types.aboveZero()), "1.0", "largest norm of all gradients");
  static final Key<Steps> EVAL_EVERY =
      Key.of("eval_every", Types.steps(), "0.1", "steps between evaluations; 0: only at the end");
  static final Key<Steps> CHECKPOINT_EVERY =
      Key.of(
          "checkpoint_every",
          Types.steps(),
          "0.1",
          "steps between checkpoints; 0: only at the end");
  static final Key<Long> KEEP =
      Key.of("keep", Types.integer(1, 1 << 20), "2", "how many checkpoints are kept");
  static final Key<Long> SEED =
      Key.of("seed", Types.integer(0, Long.MAX_VALUE), "1", "same seed, same result");
  static final Key<Optional<Long>> THREADS =
      Key.of(
          "threads",
          Types.or("auto", Types.integer(1, 4096)),
          "auto",
          "threads that compute; another number may change the last bits of results");
  static final Key<NonFinite> ON_NON_FINITE =
      Key.of(
          "on_non_finite",
          Types.choice(NonFinite.class),
          "fail",
          "what to do about a gradient that is NaN or infinite: end, skip the step, or do not look (faster)");

  // metrics
  static final Key<Boolean> CSV = Key.of("csv", Types.bool(), "true", "write metrics.csv");
  static final Key<Boolean> JSONL = Key.of("jsonl", Types.bool(), "false", "write metrics.jsonl");
  static final Key<Boolean> TENSORBOARD =
      Key.of("tensorboard", Types.bool(), "false", "write event files of TensorBoard");

  // the recipe
  static final Key<Recipe.Model> MODEL =
      Key.required("model", new ModelType(), "model", "the model to train");
  static final Key<Values> DATA =
      Key.of(
          "data",
          Section.of(TRAIN_DATA, EVAL_DATA, SEQUENCE_LENGTH, FORMAT),
          "{}",
          "what to train and evaluate on");
  static final Key<Values> QAT =
      Key.of(
          "qat",
          Section.of(
              SCHEME,
              LINEAR,
              EMBEDDING,
              FILTERS,
              ACTIVATIONS,
              PROX,
              QAT_WARMUP,
              QUANT_PERIOD,
              QUANT_SHRINK,
              ANNEAL_WD_FRAC),
          "{}",
          "what is quantized and how; without it nothing is");
  static final Key<Values> OPTIMIZER =
      Key.of(
          "optimizer",
          Section.of(OPTIMIZER_NAME, LR, WEIGHT_DECAY, BETAS, EPS, MOMENTUM, NESTEROV, MOMENTS),
          "{}",
          "what updates the weights");
  static final Key<Values> SCHEDULE =
      Key.of(
          "schedule",
          Section.of(SCHEDULE_NAME, WARMUP, MIN_FACTOR, DECAY),
          "{}",
          "the learning rate over time");
  static final Key<Values> TRAIN =
      Key.of(
          "train",
          Section.of(
              STEPS,
              EPOCHS,
              BATCH_SIZE,
              GRADIENT_ACCUMULATION,
              CLIP_NORM,
              EVAL_EVERY,
              CHECKPOINT_EVERY,
              KEEP,
              SEED,
              THREADS,
              ON_NON_FINITE),
          "{}",
          "how long, in which portions");
  static final Key<Recipe.Target> TARGET =
      Key.of(
          "target",
          Types.choice(Recipe.Target.class),
          "safetensors",
          "what the trained model is written as, too: gguf for llama.cpp, onnx for ONNX Runtime,"
              + " torchao for transformers; safetensors: a Hugging Face folder, its weights on their"
              + " levels; parq: packed codes and scales");
  static final Key<Path> OUTPUT =
      Key.required(
          "output",
          Types.path("a folder", Types.Exists.NOT_NEEDED),
          "out",
          "where checkpoints, metrics and the trained model go");
  static final Key<Values> METRICS =
      Key.of("metrics", Section.of(CSV, JSONL, TENSORBOARD), "{}", "how the run is recorded");
  static final Section RECIPE =
      Section.of(MODEL, DATA, QAT, OPTIMIZER, SCHEDULE, TRAIN, TARGET, OUTPUT, METRICS);

  /**
   * A key and its full path.
   *
   * @param path such as {@code qat.filters[].bits}
   * @param key the key
   */
  record Entry(String path, Key<?> key) {}

  private Keys() {}

  /** {@return all keys, in the order in which they are printed, sections before what is in them} */
  static List<Entry> all() {
    List<Entry> entries = new ArrayList<>();
    add(RECIPE, "", entries);
    return entries;
  }

  private static void add(Section section, String prefix, List<Entry> entries) {
    for (Key<?> key : section.keys()) {
      String path = prefix + key.name();
      entries.add(new Entry(path, key));
      Section inner = inner(key);
      if (inner != null) {
        add(inner, path + (key == FILTERS ? "[]." : "."), entries);
      }
    }
  }

  /** {@return the keys of what a key holds, or null if it holds no mapping} */
  static @Nullable Section inner(Key<?> key) {
    if (key == MODEL) {
      return NEW_MODEL;
    }
    if (key == FILTERS) {
      return FILTER;
    }
    return key.type() instanceof Section section ? section : null;
  }

  /** {@return the full path of the first key of this name, or null} */
  static @Nullable String elsewhere(String name) {
    return all().stream()
        .filter(entry -> entry.key().name().equals(name))
        .map(Entry::path)
        .findFirst()
        .orElse(null);
  }

  private static Type<Granularity> granularity() {
    return Types.scalar(
        "per-tensor, per-row or group:SIZE",
        List.of("per-tensor", "per-row", "group:32"),
        text -> text.matches("per-tensor|per-row|group:\\d{1,9}") ? Granularity.parse(text) : null);
  }

  private static <T> Key<T> annealed(String name, Type<T> type, String text, String meaning) {
    return Key.of(name, type, text, meaning)
        .onlyWith(MAP, Prox.Shape.PARQ, Prox.Shape.BINARY_RELAX, Prox.Shape.SOFT_QUANT);
  }
}

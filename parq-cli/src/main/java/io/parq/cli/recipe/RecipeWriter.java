package io.parq.cli.recipe;

import io.parq.grids.QuantConfig;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Writes recipes as YAML. */
final class RecipeWriter {
  private static final int WIDTH = 96;
  private static final Pattern SAFE = Pattern.compile("[A-Za-z0-9_./][A-Za-z0-9_./+-]*");
  // What YAML or a key takes for something else than text.
  private static final Pattern NOT_TEXT =
      Pattern.compile("(?i)null|true|false|none|bytes|[-+.0-9].*");

  private final StringBuilder out = new StringBuilder();
  private final Set<Key<?>> described = new HashSet<>();
  private final boolean comments;

  private RecipeWriter(boolean comments) {
    this.comments = comments;
  }

  static String write(Recipe recipe, boolean comments) {
    RecipeWriter writer = new RecipeWriter(comments);
    writer.section(Keys.RECIPE, tree(recipe), "");
    return writer.out.toString();
  }

  /** {@return the values of a recipe by key: texts as YAML spells them, maps for sections} */
  static Map<Key<?>, Object> tree(Recipe recipe) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.MODEL, model(recipe.model()));
    tree.put(Keys.DATA, data(recipe.data()));
    tree.put(Keys.QAT, qat(recipe.qat()));
    tree.put(Keys.OPTIMIZER, optimizer(recipe.optimizer()));
    tree.put(Keys.SCHEDULE, schedule(recipe.schedule()));
    tree.put(Keys.TRAIN, train(recipe.train()));
    tree.put(Keys.TARGET, Types.name(recipe.target()));
    tree.put(Keys.OUTPUT, quoted(recipe.output().toString()));
    tree.put(Keys.METRICS, metrics(recipe.metrics()));
    return tree;
  }

  private static Object model(Recipe.Model model) {
    return switch (model) {
      case Recipe.Model.Folder folder -> quoted(folder.path().toString());
      case Recipe.Model.New config -> {
        Path tokenizer = config.tokenizer();
        yield "{new: %s, tokenizer: %s}"
            .formatted(
                json(config.config()), tokenizer == null ? "bytes" : quoted(tokenizer.toString()));
      }
    };
  }

  private static Map<Key<?>, Object> data(Recipe.Data data) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    Path eval = data.eval();
    tree.put(Keys.TRAIN_DATA, quoted(data.train().toString()));
    tree.put(Keys.EVAL_DATA, eval == null ? "none" : quoted(eval.toString()));
    tree.put(Keys.SEQUENCE_LENGTH, data.sequenceLength());
    tree.put(Keys.FORMAT, Types.name(data.format()));
    return tree;
  }

  private static Map<Key<?>, Object> qat(Qat qat) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.SCHEME, Keys.SCHEME.text());
    if (qat.linear() != null) {
      tree.put(Keys.LINEAR, weights(qat.linear()));
    }
    if (qat.embedding() != null) {
      tree.put(Keys.EMBEDDING, weights(qat.embedding()));
    }
    tree.put(Keys.FILTERS, qat.filters().stream().map(RecipeWriter::filter).toList());
    if (qat.activations() != null) {
      tree.put(Keys.ACTIVATIONS, Types.name(qat.activations()));
    }
    tree.put(Keys.PROX, prox(qat.prox()));
    tree.put(Keys.QAT_WARMUP, qat.warmupSteps());
    tree.put(Keys.QUANT_PERIOD, qat.quantPeriod());
    tree.put(Keys.QUANT_SHRINK, qat.quantShrink());
    tree.put(Keys.ANNEAL_WD_FRAC, qat.annealWdFrac());
    return tree;
  }

  private static Map<Key<?>, Object> weights(@Nullable QuantConfig config) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.BITS, config == null ? "none" : config.bits());
    if (config != null) {
      tree.put(Keys.GRANULARITY, config.granularity());
      tree.put(Keys.GRID, GridName.of(config.grid()).text());
      tree.put(Keys.SCALE, config.scaleType());
    }
    return tree;
  }

  private static Map<Key<?>, Object> filter(Qat.Named filter) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.FILTER_NAME, quoted(filter.name()));
    tree.putAll(weights(filter.config()));
    return tree;
  }

  private static Map<Key<?>, Object> prox(Prox prox) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.MAP, Types.name(prox.shape()));
    tree.put(Keys.ANNEAL_START, prox.annealStart());
    tree.put(Keys.ANNEAL_END, prox.annealEnd());
    tree.put(Keys.STEEPNESS, prox.steepness());
    tree.put(Keys.ANNEAL_CENTER, prox.annealCenter());
    tree.put(Keys.T_START, prox.tStart());
    tree.put(Keys.T_END, prox.tEnd());
    tree.put(Keys.T_POWER, prox.tPower());
    return tree;
  }

  private static Map<Key<?>, Object> optimizer(BaseOptimizer optimizer) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.OPTIMIZER_NAME, Types.name(optimizer.name()));
    tree.put(Keys.LR, optimizer.learningRate());
    tree.put(Keys.WEIGHT_DECAY, optimizer.weightDecay());
    tree.put(Keys.BETAS, "[%s, %s]".formatted(optimizer.beta1(), optimizer.beta2()));
    tree.put(Keys.EPS, optimizer.epsilon());
    tree.put(Keys.MOMENTUM, optimizer.momentum());
    tree.put(Keys.NESTEROV, optimizer.nesterov());
    tree.put(Keys.MOMENTS, Types.name(optimizer.moments()));
    return tree;
  }

  private static Map<Key<?>, Object> schedule(Schedule schedule) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.SCHEDULE_NAME, Types.name(schedule.name()));
    tree.put(Keys.WARMUP, schedule.warmup());
    tree.put(Keys.MIN_FACTOR, schedule.minFactor());
    tree.put(Keys.DECAY, schedule.decay());
    return tree;
  }

  private static Map<Key<?>, Object> train(Recipe.Train train) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    if (train.steps() != null) {
      tree.put(Keys.STEPS, train.steps());
    }
    if (train.epochs() != null) {
      tree.put(Keys.EPOCHS, train.epochs());
    }
    tree.put(Keys.BATCH_SIZE, train.batchSize());
    tree.put(Keys.GRADIENT_ACCUMULATION, train.gradientAccumulation());
    tree.put(Keys.CLIP_NORM, train.clipNorm() == null ? "none" : train.clipNorm());
    tree.put(Keys.EVAL_EVERY, train.evalEvery());
    tree.put(Keys.CHECKPOINT_EVERY, train.checkpointEvery());
    tree.put(Keys.KEEP, train.keep());
    tree.put(Keys.SEED, train.seed());
    tree.put(Keys.THREADS, train.threads() == null ? "auto" : train.threads());
    tree.put(Keys.ON_NON_FINITE, Types.name(train.onNonFinite()));
    return tree;
  }

  private static Map<Key<?>, Object> metrics(Recipe.Metrics metrics) {
    Map<Key<?>, Object> tree = new LinkedHashMap<>();
    tree.put(Keys.CSV, metrics.csv());
    tree.put(Keys.JSONL, metrics.jsonl());
    tree.put(Keys.TENSORBOARD, metrics.tensorboard());
    return tree;
  }

  /** {@return a value as people write it: 3e-4 for 3.0E-4} */
  private static Object number(Object value) {
    return value instanceof Double number
        ? number.toString().replace(".0E", "e").replace('E', 'e')
        : value;
  }

  /** {@return a value as JSON, which YAML reads alike} */
  static String json(@Nullable Object value) {
    return switch (value) {
      case null -> "null";
      case Map<?, ?> map ->
          map.entrySet().stream()
              .map(
                  entry -> inQuotes(String.valueOf(entry.getKey())) + ": " + json(entry.getValue()))
              .collect(Collectors.joining(", ", "{", "}"));
      case List<?> list ->
          list.stream().map(RecipeWriter::json).collect(Collectors.joining(", ", "[", "]"));
      case String text -> inQuotes(text);
      default -> value.toString();
    };
  }

  /** {@return text that needs no quotes as it is, other text in double quotes} */
  private static String quoted(String text) {
    boolean safe = SAFE.matcher(text).matches() && !NOT_TEXT.matcher(text).matches();
    return safe ? text : inQuotes(text);
  }

  private static String inQuotes(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        quoted.append("\\u%04x".formatted((int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  private void section(Section section, Map<Key<?>, Object> tree, String indent) {
    for (Key<?> key : section.keys()) {
      Object value = tree.get(key);
      Key<?> selector = key.selector();
      if (selector != null && !key.appliesTo(String.valueOf(tree.get(selector)))) {
        value = null;
      }
      if (comments && indent.isEmpty() && !out.isEmpty()) {
        out.append('\n');
      }
      comment(key, indent);
      if (value != null) {
        key(key, value, indent);
      }
      if (comments && (value == null || key == Keys.MODEL || key == Keys.FILTERS)) {
        leftOut(key, indent);
      }
    }
  }

  @SuppressWarnings("unchecked") // The maps and lists of maps that this class makes.
  private void key(Key<?> key, Object value, String indent) {
    out.append(indent).append(key.name()).append(':');
    if (value instanceof Map<?, ?> inner && key.type() instanceof Section section) {
      out.append('\n');
      section(section, (Map<Key<?>, Object>) inner, indent + "  ");
    } else if (value instanceof List<?> items && !items.isEmpty()) {
      out.append('\n');
      for (Object item : items) {
        out.append(indent).append("  - ").append(flow((Map<Key<?>, Object>) item)).append('\n');
      }
    } else {
      out.append(' ').append(number(value)).append('\n');
    }
  }

  private static String flow(Map<Key<?>, Object> item) {
    return item.entrySet().stream()
        .map(entry -> entry.getKey().name() + ": " + entry.getValue())
        .collect(Collectors.joining(", ", "{", "}"));
  }

  /** Writes a key that the recipe does not have, as a comment. */
  private void leftOut(Key<?> key, String indent) {
    Section inner = Keys.inner(key);
    if (inner == null) {
      line(indent, key.name() + ": " + key.text());
      return;
    }
    line(indent, key.name() + ":");
    String hyphen = key == Keys.FILTERS ? "  - " : "  ";
    for (Key<?> part : inner.keys()) {
      comment(part, indent + "  ");
      line(indent, hyphen + part.name() + ": " + part.text());
      hyphen = " ".repeat(hyphen.length());
    }
  }

  /** Says what a key is, the first time that it comes up. */
  private void comment(Key<?> key, String indent) {
    if (!comments || !described.add(key)) {
      return;
    }
    StringBuilder text = new StringBuilder(key.meaning());
    if (!(key.type() instanceof Section)) {
      text.append(key.isRequired() ? " [required: " : " [").append(key.type().expected());
      if (!key.condition().isEmpty()) {
        text.append("; only with ").append(key.condition());
      }
      text.append(']');
    }
    StringBuilder line = new StringBuilder("#");
    for (String word : text.toString().split(" ")) {
      if (indent.length() + line.length() + 1 + word.length() > WIDTH) {
        out.append(indent).append(line).append('\n');
        line.setLength(1);
        line.append("  ");
      }
      line.append(' ').append(word);
    }
    out.append(indent).append(line).append('\n');
  }

  private void line(String indent, String text) {
    out.append(indent).append('#').append(text).append('\n');
  }
}

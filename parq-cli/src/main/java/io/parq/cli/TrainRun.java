package io.parq.cli;

import io.parq.cli.recipe.KeyException;
import io.parq.cli.recipe.Recipe;
import io.parq.cli.recipe.RecipeFile;
import io.parq.cli.recipe.Targets;
import io.parq.export.ModelFiles;
import io.parq.export.model.ActivationConfig;
import io.parq.export.model.ModelConfig;
import io.parq.grids.ActivationQuantization;
import io.parq.optim.ParamGroup;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchQuantBuilder;
import io.parq.torch.TorchQuantOptimizer;
import io.parq.torch.train.Batches;
import io.parq.torch.train.ChatTemplate;
import io.parq.torch.train.Checkpoints;
import io.parq.torch.train.MemoryEstimate;
import io.parq.torch.train.Metrics;
import io.parq.torch.train.Perplexity;
import io.parq.torch.train.TextCodec;
import io.parq.torch.train.TokenData;
import io.parq.torch.train.TrainConfig;
import io.parq.torch.train.TrainListener;
import io.parq.torch.train.Trainer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A recipe brought to life: model, data and optimizer, checked against one another. */
final class TrainRun implements AutoCloseable {
  private static final String RECIPE = "recipe.yaml";

  private final Recipe recipe;
  private final LoadedModel loaded;
  private final Batches batches;
  private final @Nullable TokenData heldOut;
  private final TorchQuantOptimizer optimizer;
  private final long steps;
  private volatile @Nullable Trainer trainer;
  private @Nullable Perplexity score;

  private TrainRun(
      Recipe recipe,
      LoadedModel loaded,
      Batches batches,
      @Nullable TokenData heldOut,
      TorchQuantOptimizer optimizer,
      long steps) {
    this.recipe = recipe;
    this.loaded = loaded;
    this.batches = batches;
    this.heldOut = heldOut;
    this.optimizer = optimizer;
    this.steps = steps;
  }

  /** Loads and checks everything; nothing is written. */
  static TrainRun prepare(RecipeFile file) throws IOException {
    Recipe recipe = file.recipe();
    LoadedModel loaded = model(file, recipe);
    try {
      return prepare(file, recipe, loaded);
    } catch (KeyException e) {
      loaded.close();
      throw file.locate(e);
    } catch (IOException | RuntimeException e) {
      loaded.close();
      throw e;
    }
  }

  private static TrainRun prepare(RecipeFile file, Recipe recipe, LoadedModel loaded)
      throws IOException {
    Recipe.Train train = recipe.train();
    TokenData data = tokens(recipe.data().train(), recipe, loaded.codec());
    Batches batches;
    try {
      batches = new Batches(data, recipe.data().sequenceLength(), train.batchSize(), train.seed());
    } catch (IllegalArgumentException e) {
      throw file.locate("data.train", e.getMessage() == null ? e.toString() : e.getMessage());
    }
    long perStep = (long) train.batchSize() * train.gradientAccumulation();
    long steps = train.totalSteps(Math.max(1, batches.sequences() / perStep));
    Path eval = recipe.data().eval();
    TokenData heldOut = eval == null ? null : tokens(eval, recipe, loaded.codec());
    TorchQuantOptimizer optimizer = optimizer(recipe, loaded.model(), steps);
    RecipeCheck.run(
        file, optimizer.groups(), Targets.of(recipe.target()), loaded.model().config().family());
    activations(recipe.qat().activations(), loaded.model(), optimizer.groups());
    return new TrainRun(recipe, loaded, batches, heldOut, optimizer, steps);
  }

  private static TokenData tokens(Path file, Recipe recipe, TextCodec codec) throws IOException {
    return TokenData.read(file, recipe.data().format(), codec, ChatTemplate.of(codec));
  }

  /** Rounds activations as the recipe says, whatever the model was trained with before. */
  private static void activations(
      @Nullable ActivationQuantization activations, CausalLm model, List<ParamGroup> groups) {
    if (activations != null) {
      model.quantizeActivations(activations, groups);
    } else if (model.config().activations() != null) {
      model.keepActivations();
    }
  }

  private static LoadedModel model(RecipeFile file, Recipe recipe) throws IOException {
    return switch (recipe.model()) {
      case Recipe.Model.Folder(Path path) -> LoadedModel.of(path);
      case Recipe.Model.New fresh -> fresh(file, fresh, recipe.train().seed());
    };
  }

  private static LoadedModel fresh(RecipeFile file, Recipe.Model.New fresh, long seed)
      throws IOException {
    Path path = fresh.tokenizer();
    Path folder = path == null ? null : path.toAbsolutePath().getParent();
    TextCodec codec = folder == null ? TextCodec.bytes() : TextCodec.load(folder);
    Map<String, @Nullable Object> config = new LinkedHashMap<>(fresh.config());
    config.putIfAbsent("model_type", "llama");
    if (folder == null) {
      config.putIfAbsent("vocab_size", 256L);
      config.putIfAbsent("eos_token_id", (long) codec.ends().getFirst());
    }
    try {
      ModelConfig parsed = ModelConfig.parse(new Recipe.Model.New(config, path).json());
      return new LoadedModel(CausalLm.create(parsed, seed), codec);
    } catch (IllegalArgumentException e) {
      codec.close();
      throw file.locate("model.new", e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  private static TorchQuantOptimizer optimizer(Recipe recipe, CausalLm model, long steps) {
    TorchQuantBuilder builder =
        TorchQuantOptimizer.builder(model)
            .base(groups -> recipe.optimizer().over(groups))
            .quantize(recipe.qat().configs())
            .prox(recipe.qat().prox().map(steps))
            .warmupSteps(recipe.qat().warmup(steps))
            .quantPeriod(recipe.qat().quantPeriod())
            .quantShrink(recipe.qat().quantShrink())
            .annealWdFrac(recipe.qat().annealWdFrac())
            .schedule(recipe.schedule().schedule(steps))
            .onNonFinite(recipe.train().onNonFinite());
    Double norm = recipe.train().clipNorm();
    return (norm == null ? builder : builder.clipNorm(norm)).build();
  }

  /** Prints groups, bits, sizes and steps. */
  void describe(PrintWriter out) {
    GroupReport.print(optimizer.groups(), Targets.of(recipe.target()), out);
    ActivationConfig activations = loaded.model().config().activations();
    if (activations != null) {
      out.printf(
          "activations %s before linear layers%s%n",
          activations.quantization(),
          activations.except().isEmpty()
              ? ""
              : " other than " + String.join(", ", activations.except()));
    }
    MemoryEstimate memory = memory();
    out.printf("memory in training: about %s (", Sizes.bytes(memory.total()));
    out.println(
        memory.breakdown().entrySet().stream()
                .map(part -> part.getKey() + " " + Sizes.bytes(part.getValue()))
                .collect(Collectors.joining(", "))
            + ")");
    out.printf(
        Locale.ROOT,
        "%,d training tokens, %d steps of %d x %d tokens; target %s, output %s%n",
        batches.data().size(),
        steps,
        recipe.train().batchSize() * recipe.train().gradientAccumulation(),
        recipe.data().sequenceLength(),
        recipe.target(),
        recipe.output());
    out.flush();
  }

  private MemoryEstimate memory() {
    return MemoryEstimate.of(
        loaded.model().config(),
        optimizer.groups(),
        recipe.optimizer().momentsPerWeight(),
        recipe.optimizer().moments(),
        recipe.train().batchSize(),
        recipe.data().sequenceLength());
  }

  /** Trains and writes the model; returns whether it got to the end. */
  boolean train(PrintWriter out, boolean resume, boolean force) throws IOException {
    Path output = recipe.output();
    Path checkpoints = output.resolve("checkpoints");
    Path latest = resume ? Checkpoints.latest(checkpoints) : null;
    if (resume && latest == null) {
      throw new IllegalArgumentException(checkpoints + ": no checkpoint to resume from");
    }
    if (resume) {
      RecipeCheck.resumes(recipe, output.resolve(RECIPE));
    } else {
      makeWay(output, force);
    }
    Files.createDirectories(checkpoints);
    Files.writeString(output.resolve(RECIPE), recipe.toYaml());
    // What an export of a checkpoint needs beside it.
    Files.writeString(checkpoints.resolve(ModelFiles.CONFIG), loaded.model().config().json());
    loaded.codec().tokenizer().save(checkpoints);
    CountDownLatch done = new CountDownLatch(1);
    Thread hook = new Thread(() -> stopAndAwait(done));
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      boolean finished = train(output, latest);
      if (finished) {
        write(out);
      } else {
        out.println("stopped; --resume goes on from " + Checkpoints.latest(checkpoints));
      }
      describePeak(out);
      return finished;
    } finally {
      done.countDown();
      removeHook(hook);
    }
  }

  private void describePeak(PrintWriter out) {
    OptionalLong peak = ProcessMemory.peak();
    String text = peak.isPresent() ? Sizes.bytes(peak.getAsLong()) : "unknown on this system";
    out.printf("memory at its peak: %s, estimated %s%n", text, Sizes.bytes(memory().total()));
    out.flush();
  }

  /** Ctrl-C lets the step end and the checkpoint be written before the process goes. */
  private void stopAndAwait(CountDownLatch done) {
    Trainer running = trainer;
    if (running != null) {
      running.stop();
    }
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is going down, and the hook lets it now.
    }
  }

  private TrainListener keepScore() {
    return new TrainListener() {
      @Override
      public void evaluated(long step, Perplexity result) {
        score = result;
      }
    };
  }

  private boolean train(Path output, @Nullable Path latest) throws IOException {
    List<Metrics> metrics = metrics(output);
    try (TrainBar bar = new TrainBar(steps)) {
      List<TrainListener> listeners = new ArrayList<>(metrics);
      listeners.add(bar);
      listeners.add(keepScore());
      Trainer running =
          new Trainer(
              loaded.model()::forward, optimizer, batches, config(), TrainListener.all(listeners));
      if (heldOut != null) {
        running.evaluateOn(heldOut);
      }
      if (latest != null) {
        running.resume(latest);
      }
      trainer = running;
      return !running.run().stopped();
    } finally {
      metrics.forEach(Metrics::close);
    }
  }

  private static void makeWay(Path output, boolean force) throws IOException {
    if (!Files.exists(output)) {
      return;
    }
    try (Stream<Path> files = Files.list(output)) {
      if (files.findAny().isEmpty()) {
        return;
      }
    }
    if (!force) {
      throw new IllegalArgumentException(
          output + " holds an earlier run; --resume continues it, --force starts anew");
    }
    for (Path old : Checkpoints.list(output.resolve("checkpoints"))) {
      Files.delete(old);
    }
  }

  private TrainConfig config() {
    Recipe.Train train = recipe.train();
    Integer threads = train.threads();
    TrainConfig config =
        TrainConfig.of(steps)
            .withAccumulation(train.gradientAccumulation())
            .withEvalEvery(Math.max(heldOut == null ? 0 : 1, train.evalEvery().period(steps)))
            .withCheckpoints(
                recipe.output().resolve("checkpoints"),
                train.checkpointEvery().period(steps),
                train.keep());
    return config.withThreads(
        threads == null ? Runtime.getRuntime().availableProcessors() : threads);
  }

  private List<Metrics> metrics(Path output) {
    List<Metrics> metrics = new ArrayList<>();
    if (recipe.metrics().csv()) {
      metrics.add(Metrics.csv(output.resolve("metrics.csv")));
    }
    if (recipe.metrics().jsonl()) {
      metrics.add(Metrics.jsonl(output.resolve("metrics.jsonl")));
    }
    if (recipe.metrics().tensorboard()) {
      metrics.add(Metrics.tensorBoard(output.resolve("tensorboard")));
    }
    return metrics;
  }

  private void write(PrintWriter out) throws IOException {
    RunFiles.write(recipe, loaded, optimizer, out);
    TokenData data = heldOut;
    if (data != null) {
      Perplexity last = score; // of the trainer's last step, unless a finished run was resumed
      int window = recipe.data().sequenceLength();
      Perplexity result =
          last != null
              ? last
              : Perplexity.of(loaded.scorer(), data, window, window, recipe.train().batchSize());
      out.printf(
          Locale.ROOT,
          "held out: %.4f nats a token, %.4f bits a character%n",
          result.loss(),
          result.bitsPerCharacter());
    }
  }

  @Override
  public void close() {
    loaded.close();
  }
}

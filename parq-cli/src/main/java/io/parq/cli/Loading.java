package io.parq.cli;

import io.parq.export.ModelFiles;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.LoadOptions;
import io.parq.torch.train.CheckpointSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How commands that run a model load it. */
final class Loading {
  @Option(
      names = "--config",
      paramLabel = "FOLDER",
      description =
          "a Hugging Face folder with the config and tokenizer of models that have none beside"
              + " them, such as GGUF files")
  private @Nullable Path config;

  @Option(
      names = "--float-activations",
      description =
          "leave activations as they are, even of a model that was trained with quantized ones")
  private boolean floatActivations;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "runtime",
      description =
          "what runs the model: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}, which keeps"
              + " weights packed)")
  private Backend backend = Backend.RUNTIME;

  @Option(
      names = "--cache",
      paramLabel = "FOLDER",
      description = "where repacked weights are kept for the next time (default: beside the model)")
  private @Nullable Path cache;

  @Option(names = "--no-cache", description = "do not keep repacked weights")
  private boolean uncached;

  /** What runs a model: checkpoints of training need LibTorch. */
  Backend backend(Path path) throws IOException {
    return CheckpointSource.isCheckpoint(path) ? Backend.TORCH : backend;
  }

  /** Reads a model in any format, to score it. */
  ScoredModel scored(Path path) throws IOException {
    if (backend(path) == Backend.TORCH) {
      return model(path);
    }
    try (ConfigFolder folder = ConfigFolder.of(path, config(path))) {
      LanguageModel model = runtime(path);
      try {
        return new RuntimeModel(
            model, LoadedModel.codec(folder.path(), model.config().vocabSize()));
      } catch (IOException | RuntimeException e) {
        model.close();
        throw e;
      }
    }
  }

  /** Reads a model for LibTorch. */
  LoadedModel model(Path path) throws IOException {
    LoadedModel loaded = LoadedModel.of(path, config(path));
    if (floatActivations) {
      loaded.model().keepActivations();
    }
    return loaded;
  }

  /** Reads a model for the runtime. */
  LanguageModel runtime(Path path) throws IOException {
    LoadOptions options =
        LoadOptions.DEFAULTS
            .withFloatActivations(floatActivations)
            .withConfig(config(path))
            .withCache(cache);
    LanguageModel model = LanguageModel.load(path, uncached ? options.withoutCache() : options);
    if (!model.isCached()) {
      System.gc(); // gives back the memory that repacking took
    }
    return model;
  }

  /** The named folder, unless the model has files of its own in it. */
  private @Nullable Path config(Path path) {
    return Files.isRegularFile(path.resolve(ModelFiles.CONFIG)) ? null : config;
  }
}

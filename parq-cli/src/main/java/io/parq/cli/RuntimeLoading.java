package io.parq.cli;

import io.parq.export.ModelFiles;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How commands that run a model without LibTorch load it. */
class RuntimeLoading {
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
  boolean floatActivations;

  @Option(
      names = "--cache",
      paramLabel = "FOLDER",
      description = "where repacked weights are kept for the next time (default: beside the model)")
  private @Nullable Path cache;

  @Option(names = "--no-cache", description = "do not keep repacked weights")
  private boolean uncached;

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
  @Nullable Path config(Path path) {
    return Files.isRegularFile(path.resolve(ModelFiles.CONFIG)) ? null : config;
  }
}

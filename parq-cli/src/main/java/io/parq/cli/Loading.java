package io.parq.cli;

import io.parq.export.ModelFiles;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.LoadOptions;
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

  /** Reads a model in any format. */
  LoadedModel model(Path path) throws IOException {
    Path own = config;
    LoadedModel loaded =
        own == null || Files.isRegularFile(path.resolve(ModelFiles.CONFIG))
            ? LoadedModel.of(path)
            : LoadedModel.of(path, own);
    if (floatActivations) {
      loaded.model().keepActivations();
    }
    return loaded;
  }

  LanguageModel runtime(Path path) throws IOException {
    return LanguageModel.load(
        path, LoadOptions.DEFAULTS.withFloatActivations(floatActivations).withConfig(config));
  }
}

package io.parq.cli;

import io.parq.runtime.LanguageModel;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** How commands that run a model load it. */
final class Loading {
  @Option(
      names = "--float-activations",
      description =
          "leave activations as they are, even of a model that was trained with quantized ones")
  private boolean floatActivations;

  LoadedModel model(Path folder) throws IOException {
    LoadedModel loaded = LoadedModel.of(folder);
    if (floatActivations) {
      loaded.model().keepActivations();
    }
    return loaded;
  }

  LanguageModel runtime(Path path) throws IOException {
    return LanguageModel.load(path, floatActivations);
  }
}

package io.parq.cli;

import io.parq.runtime.LanguageModel;
import io.parq.torch.train.CheckpointSource;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** How commands that run a model in one way or the other load it. */
final class Loading extends RuntimeLoading {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "runtime",
      description =
          "what runs the model: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}, which keeps"
              + " weights packed)")
  private Backend backend = Backend.RUNTIME;

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
}

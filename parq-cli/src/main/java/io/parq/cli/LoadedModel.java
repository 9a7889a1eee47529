package io.parq.cli;

import io.parq.export.ModelReader;
import io.parq.torch.CausalLm;
import io.parq.torch.train.Scorer;
import io.parq.torch.train.TextCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A model and how it reads text, to be closed together. */
record LoadedModel(CausalLm model, TextCodec codec) implements ScoredModel {
  /** Reads a model with its config and tokenizer beside it. */
  static LoadedModel of(Path path) throws IOException {
    return of(path, null);
  }

  /**
   * Reads a model in any format; one without a tokenizer reads bytes.
   *
   * @param config the folder with config.json and the tokenizer; null: found beside the model
   */
  static LoadedModel of(Path path, @Nullable Path config) throws IOException {
    if (!Files.exists(path)) {
      throw new IllegalArgumentException(
          path + ": no such file or folder, expected a model in a format that is known");
    }
    try (ConfigFolder folder = ConfigFolder.of(path, config)) {
      CausalLm model;
      try (ModelReader weights = Models.reader(path)) {
        model = CausalLm.load(folder.path(), weights);
      }
      try {
        return new LoadedModel(model, codec(folder.path(), model.config().vocabSize()));
      } catch (IOException | RuntimeException e) {
        model.close();
        throw e;
      }
    }
  }

  /** Reads a folder's tokenizer; a model of about 256 tokens may have none. */
  static TextCodec codec(Path folder, int vocabSize) throws IOException {
    if (Files.exists(folder.resolve("tokenizer.json"))) {
      return TextCodec.load(folder);
    }
    if (vocabSize >= 256 && vocabSize < 512) {
      return TextCodec.bytes();
    }
    throw new IllegalArgumentException(
        folder + ": no tokenizer.json, expected one for a vocabulary of " + vocabSize);
  }

  @Override
  public Scorer scorer() {
    return Scorer.of(model::forward);
  }

  @Override
  public void close() {
    codec.close();
    model.close();
  }
}

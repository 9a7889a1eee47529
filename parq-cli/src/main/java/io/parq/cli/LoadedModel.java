package io.parq.cli;

import io.parq.torch.CausalLm;
import io.parq.torch.train.TextCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A model and how it reads text, to be closed together. */
record LoadedModel(CausalLm model, TextCodec codec) implements AutoCloseable {
  /** Reads a Hugging Face folder; one without a tokenizer reads bytes. */
  static LoadedModel of(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IllegalArgumentException(
          folder + ": no such folder, expected a Hugging Face model");
    }
    CausalLm model = CausalLm.load(folder);
    try {
      return new LoadedModel(model, codec(folder, model.config().vocabSize()));
    } catch (IOException | RuntimeException e) {
      model.close();
      throw e;
    }
  }

  private static TextCodec codec(Path folder, int vocabSize) throws IOException {
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
  public void close() {
    codec.close();
    model.close();
  }
}

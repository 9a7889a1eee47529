package io.parq.cli;

import io.parq.export.ModelReader;
import io.parq.export.formats.Formats;
import io.parq.export.gguf.GgufReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The folder with the config and tokenizer of a model; that of a GGUF file is made for a while. */
record ConfigFolder(Path path, boolean temporary) implements AutoCloseable {
  /**
   * Finds the folder.
   *
   * @param config another one, or null
   */
  static ConfigFolder of(Path model, @Nullable Path config) throws IOException {
    if (config != null) {
      return new ConfigFolder(config, false);
    }
    if (Files.isRegularFile(model)) {
      try (ModelReader reader = Formats.open(model)) {
        if (reader instanceof GgufReader gguf) {
          return of(gguf.files());
        }
      }
    }
    return new ConfigFolder(Models.folder(model), false);
  }

  private static ConfigFolder of(Map<String, String> files) throws IOException {
    ConfigFolder folder = new ConfigFolder(Files.createTempDirectory("parq"), true);
    try {
      for (Map.Entry<String, String> file : files.entrySet()) {
        Files.writeString(folder.path.resolve(file.getKey()), file.getValue());
      }
      return folder;
    } catch (IOException | RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    if (temporary) {
      FileTree.delete(path);
    }
  }
}

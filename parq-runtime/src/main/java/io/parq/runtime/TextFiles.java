package io.parq.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The small files that a Hugging Face folder has beside its weights, in a folder or elsewhere. */
interface TextFiles {
  /** The text of a file, or null if there is none. */
  @Nullable String read(String name) throws IOException;

  /** How errors call a file. */
  String place(String name);

  /** Those of a folder. */
  static TextFiles of(Path folder) {
    return new TextFiles() {
      @Override
      public @Nullable String read(String name) throws IOException {
        Path file = folder.resolve(name);
        return Files.isRegularFile(file) ? Files.readString(file) : null;
      }

      @Override
      public String place(String name) {
        return folder.resolve(name).toString();
      }
    };
  }

  /** Those that were made from a file's header. */
  static TextFiles of(Path file, Map<String, String> texts) {
    return new TextFiles() {
      @Override
      public @Nullable String read(String name) {
        return texts.get(name);
      }

      @Override
      public String place(String name) {
        return file + ", as " + name;
      }
    };
  }
}

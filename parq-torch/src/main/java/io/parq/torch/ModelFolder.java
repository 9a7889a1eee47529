package io.parq.torch;

import io.parq.export.ModelFiles;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The files of a model's folder other than its weights. */
final class ModelFolder {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";
  private static final String WEIGHTS =
      "{" + SINGLE + "," + INDEX + ",model-?????-of-?????.safetensors}";

  private ModelFolder() {}

  static void save(CausalLm model, Path folder, long maxShardBytes, @Nullable Path source)
      throws IOException {
    Files.createDirectories(folder);
    List<Path> before = weightFiles(folder);
    Set<Path> written = Weights.save(model, folder, maxShardBytes);
    for (Path file : before) {
      // Left in place, one library or another would read these instead.
      if (!written.contains(file)) {
        Files.deleteIfExists(file);
      }
    }
    if (source != null && Files.isDirectory(source) && !Files.isSameFile(source, folder)) {
      copyCompanions(source, folder);
    }
    writeText(folder.resolve(ModelConfig.FILE), model.config().json());
  }

  private static List<Path> weightFiles(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, WEIGHTS)) {
      List<Path> found = new ArrayList<>();
      files.forEach(found::add);
      return found;
    }
  }

  static void copyCompanions(Path from, Path to) throws IOException {
    for (String name : ModelFiles.COMPANIONS) {
      Path file = from.resolve(name);
      if (Files.isRegularFile(file)) {
        try (InputStream in = Files.newInputStream(file)) {
          write(to.resolve(name), in);
        }
      }
    }
  }

  static void writeText(Path file, String text) throws IOException {
    write(file, new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** A file appears under its name only when it is complete. */
  private static void write(Path file, InputStream content) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      Files.copy(content, temporary);
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}

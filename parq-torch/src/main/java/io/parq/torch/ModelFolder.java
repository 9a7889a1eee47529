package io.parq.torch;

import io.parq.export.ModelFiles;
import io.parq.export.safetensors.AtomicFile;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
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
      ModelFiles.copyCompanions(source, folder);
    }
    AtomicFile.replace(folder.resolve(ModelFiles.CONFIG), model.config().json());
  }

  private static List<Path> weightFiles(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, WEIGHTS)) {
      List<Path> found = new ArrayList<>();
      files.forEach(found::add);
      return found;
    }
  }
}

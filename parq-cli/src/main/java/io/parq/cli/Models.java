package io.parq.cli;

import io.parq.export.ModelFiles;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.SourceReader;
import io.parq.export.formats.Formats;
import io.parq.torch.train.CheckpointSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Opens models, whatever they are kept in. */
final class Models {
  private Models() {}

  /** Opens what can be exported: a run's folder, a checkpoint, a packed file, a folder. */
  static ModelSource source(Path path) throws IOException {
    checkExists(path);
    return CheckpointSource.isCheckpoint(path) ? CheckpointSource.open(path) : Formats.source(path);
  }

  /** Opens all that {@link #source} does, and every exported file. */
  static ModelReader reader(Path path) throws IOException {
    checkExists(path);
    return CheckpointSource.isCheckpoint(path)
        ? new SourceReader(CheckpointSource.open(path))
        : Formats.open(path);
  }

  /** Finds the folder with the config and the tokenizer of a model. */
  static Path folder(Path path) {
    Path parent = path.toAbsolutePath().getParent();
    List<Path> places = new ArrayList<>(List.of(path, path.resolve("model")));
    if (parent != null && Files.isRegularFile(path)) {
      places.addAll(List.of(parent, parent.resolve("model")));
    }
    for (Path place : places) {
      if (Files.isRegularFile(place.resolve(ModelFiles.CONFIG))) {
        return place;
      }
    }
    throw new IllegalArgumentException(
        "%s: no %s in it or beside it, expected one; --config names another folder"
            .formatted(path, ModelFiles.CONFIG));
  }

  private static void checkExists(Path path) throws NoSuchFileException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString());
    }
  }
}

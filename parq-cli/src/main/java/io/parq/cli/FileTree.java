package io.parq.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Exported models on disk: a file, or a folder of files. */
final class FileTree {
  private FileTree() {}

  /** A folder with folders inside is no exported model, and is never removed. */
  static void checkFlat(Path path) throws IOException {
    for (Path file : files(path)) {
      if (Files.isDirectory(file)) {
        throw new IOException(path + ": holds the folder " + file + ", so it is not replaced");
      }
    }
  }

  /** Deletes a file or a flat folder, if it is there. */
  static void delete(Path path) throws IOException {
    checkFlat(path);
    for (Path file : files(path)) {
      Files.delete(file);
    }
    Files.deleteIfExists(path);
  }

  private static List<Path> files(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    try (Stream<Path> found = Files.list(path)) {
      return found.toList();
    }
  }
}

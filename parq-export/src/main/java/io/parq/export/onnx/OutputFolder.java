package io.parq.export.onnx;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/** A folder that appears under its name only when all of it is there. */
final class OutputFolder implements AutoCloseable {
  /** What tokenizers and generation are configured with. */
  private static final List<String> COMPANIONS =
      List.of(
          "config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "tokenizer.model",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "merges.txt",
          "chat_template.jinja",
          "chat_template.json",
          "generation_config.json");

  private final Path folder;
  private final Path temporary;

  OutputFolder(Path folder) throws IOException {
    if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(folder.toString(), null, "expected a new folder");
    }
    this.folder = folder;
    temporary = folder.resolveSibling(folder.getFileName() + "." + UUID.randomUUID() + ".tmp");
    Files.createDirectory(temporary);
  }

  /** The folder while it is being written. */
  Path path() {
    return temporary;
  }

  Path file(String name) {
    return temporary.resolve(name);
  }

  void copyCompanions(Path source) throws IOException {
    for (String name : COMPANIONS) {
      if (Files.isRegularFile(source.resolve(name))) {
        Files.copy(source.resolve(name), file(name));
      }
    }
  }

  void commit() throws IOException {
    Files.move(temporary, folder, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Removes what has not been committed. */
  @Override
  public void close() throws IOException {
    if (!Files.exists(temporary)) {
      return;
    }
    try (Stream<Path> files = Files.walk(temporary)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(
              file -> {
                try {
                  Files.delete(file);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    } catch (UncheckedIOException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}

package io.parq.export;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * A folder that appears under its name only when it is complete: its files are written to a folder
 * of another name beside it, forced to the disk, and moved together. Unless that happens nothing is
 * left; a process that is killed may leave a folder that ends with {@code .tmp}.
 */
public final class AtomicFolder implements AutoCloseable {
  private final Path folder;
  private final Path temporary;

  private AtomicFolder(Path folder, Path temporary) {
    this.folder = folder;
    this.temporary = temporary;
  }

  /**
   * Begins a folder.
   *
   * @param folder its name in the end; missing parents are made
   * @return the folder, to be closed by the caller
   * @throws FileAlreadyExistsException if there is something of that name
   * @throws IOException if it cannot be made
   */
  public static AtomicFolder create(Path folder) throws IOException {
    if (Files.exists(folder)) {
      throw new FileAlreadyExistsException(folder.toString());
    }
    Path absolute = folder.toAbsolutePath();
    Path temporary =
        absolute.resolveSibling(absolute.getFileName() + "." + UUID.randomUUID() + ".tmp");
    Files.createDirectories(temporary);
    return new AtomicFolder(folder, temporary);
  }

  /** {@return the folder to write files to, which has no folders inside} */
  public Path path() {
    return temporary;
  }

  /**
   * Gives the folder its name.
   *
   * @throws IOException if a file cannot be forced to the disk, or the folder not renamed
   */
  public void commit() throws IOException {
    for (Path file : files()) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
    }
    Files.move(temporary, folder, StandardCopyOption.ATOMIC_MOVE);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(temporary)) {
      return files.toList();
    }
  }

  /** Removes what was not committed. */
  @Override
  public void close() throws IOException {
    if (Files.exists(temporary)) {
      for (Path file : files()) {
        Files.delete(file);
      }
      Files.delete(temporary);
    }
  }
}

package io.parq.torch.train;

import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.NamedTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoints in a folder: files {@code step-000000120.safetensors}, each complete as soon as
 * it has its name.
 */
public final class Checkpoints {
  private static final Pattern NAME = Pattern.compile("step-\\d{9,}\\.safetensors");

  private Checkpoints() {}

  /**
   * Lists checkpoints.
   *
   * @param folder the folder; may be missing
   * @return the files, by rising step
   * @throws IOException if the folder cannot be read
   */
  public static List<Path> list(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(Checkpoints::isNamed)
          .sorted(Comparator.comparingLong(Checkpoints::step))
          .toList();
    }
  }

  /**
   * Finds the last checkpoint.
   *
   * @param folder the folder; may be missing
   * @return the file with the highest step, or null if there is none
   * @throws IOException if the folder cannot be read
   */
  public static @Nullable Path latest(Path folder) throws IOException {
    List<Path> files = list(folder);
    return files.isEmpty() ? null : files.getLast();
  }

  static boolean isNamed(Path file) {
    return NAME.matcher(name(file)).matches();
  }

  static long step(Path file) {
    String name = name(file);
    return Long.parseLong(name.substring("step-".length(), name.indexOf('.')));
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }

  /** Saves a state and deletes all but the last ones up to it. */
  static Path write(Path folder, long step, NamedTensors state, int keep) throws IOException {
    Files.createDirectories(folder);
    Path file = folder.resolve("step-%09d.safetensors".formatted(step));
    SafetensorsWriter.write(file, state);
    List<Path> files = list(folder).stream().filter(other -> step(other) <= step).toList();
    for (Path old : files.subList(0, Math.max(0, files.size() - keep))) {
      Files.delete(old);
    }
    return file;
  }
}

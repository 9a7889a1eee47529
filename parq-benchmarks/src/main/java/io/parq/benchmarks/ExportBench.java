package io.parq.benchmarks;

import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.ParqWriter;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What an export takes, comparison with the source included: its time in ratios to copying the
 * packed source, and to copying what it writes, both to the disk; and the largest heap. Rounds are
 * interleaved, and the shortest counts.
 */
public final class ExportBench {
  private static final int ROUNDS = 2;
  private static final int WIDTH = 2048;

  private ExportBench() {}

  /**
   * Measures all targets.
   *
   * @param folder existing; a folder within it takes the files, and is removed at the end
   * @param config of all matrices, such as {@code symmetric:4 group:32 bf16}
   * @param layers of the model, some 50 million weights each; all targets together need 14 bytes
   *     for a weight on the disk
   * @param out takes a table
   * @throws IOException if a file cannot be written or read
   */
  public static void run(Path folder, QuantConfig config, int layers, PrintWriter out)
      throws IOException {
    run(folder, config, WIDTH, layers, out);
  }

  static void run(Path folder, QuantConfig config, int width, int layers, PrintWriter out)
      throws IOException {
    Path work = Files.createTempDirectory(folder, "export-bench");
    try {
      Files.createDirectories(work.resolve("model"));
      RandomModel model = new RandomModel(work.resolve("model"), config, width, layers);
      Path source = work.resolve("model.parq.safetensors");
      new ParqWriter().write(model, source, ModelWriter.Progress.NONE);
      print(
          out,
          "%,d weights, %s, source %,d MB%n",
          model.weights(),
          config,
          Files.size(source) / 1_000_000);
      print(
          out,
          "%-12s%8s%14s%14s%14s%12s%n",
          "target",
          "MB",
          "to copying",
          "to copying",
          "ns a",
          "heap");
      print(out, "%-12s%8s%14s%14s%14s%12s%n", "", "", "the source", "the output", "weight", "MB");
      for (String target : Formats.names()) {
        measure(target, source, work, model.weights(), out);
      }
    } finally {
      delete(work);
    }
  }

  private static void measure(String target, Path source, Path work, long weights, PrintWriter out)
      throws IOException {
    Path written = work.resolve("written");
    Path copy = work.resolve("copy");
    long export = Long.MAX_VALUE;
    long copySource = Long.MAX_VALUE;
    long copyOutput = Long.MAX_VALUE;
    long heap = Long.MAX_VALUE;
    long bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
      copySource = Math.min(copySource, copy(source, copy));
      delete(written);
      System.gc();
      pools().forEach(MemoryPoolMXBean::resetPeakUsage);
      long start = System.nanoTime();
      try (ModelSource model = Formats.source(source)) {
        Formats.writer(target, WriteOptions.DEFAULT)
            .write(model, written, ModelWriter.Progress.NONE);
      }
      export = Math.min(export, System.nanoTime() - start);
      heap = Math.min(heap, pools().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum());
      bytes = size(written);
      copyOutput = Math.min(copyOutput, copy(written, copy));
    }
    delete(written);
    delete(copy);
    print(
        out,
        "%-12s%,8d%14.2f%14.2f%14.2f%,12d%n",
        target,
        bytes / 1_000_000,
        (double) export / copySource,
        (double) export / copyOutput,
        (double) export / weights,
        heap / 1_000_000);
  }

  private static Stream<MemoryPoolMXBean> pools() {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP);
  }

  /** Copies a file, or the files of a folder, to the disk, and returns the nanoseconds. */
  private static long copy(Path from, Path to) throws IOException {
    delete(to);
    long start = System.nanoTime();
    if (Files.isDirectory(from)) {
      Files.createDirectories(to);
      for (Path file : files(from)) {
        copyFile(file, to.resolve(String.valueOf(file.getFileName())));
      }
    } else {
      copyFile(from, to);
    }
    return System.nanoTime() - start;
  }

  private static void copyFile(Path from, Path to) throws IOException {
    Files.copy(from, to, StandardCopyOption.COPY_ATTRIBUTES);
    try (FileChannel channel = FileChannel.open(to, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static long size(Path path) throws IOException {
    long bytes = 0;
    for (Path file : Files.isDirectory(path) ? files(path) : List.of(path)) {
      bytes += Files.size(file);
    }
    return bytes;
  }

  private static void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(path)) {
      for (Path each : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  private static void print(PrintWriter out, String pattern, Object... values) {
    out.print(String.format(Locale.ROOT, pattern, values));
    out.flush();
  }
}

package io.parq.benchmarks;

import io.parq.export.FolderSource;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.ParqWriter;
import io.parq.export.floats.FloatsWriter;
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
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What an export takes, comparison with what was trained included, in ratios to copying files to
 * the disk: what it writes, the packed source, and the same model as a folder of float32, which is
 * what training leaves beside the packed file; and the largest heap. What quantizing a folder of
 * bfloat16 into each format takes, to copying that folder. Rounds are interleaved, and the shortest
 * counts.
 */
public final class ExportBench {
  private static final int ROUNDS = 2;
  private static final int WIDTH = 2048;
  private static final String HEADING = "%-12s%8s%12s%12s%12s%12s";

  private ExportBench() {}

  /**
   * Measures all targets.
   *
   * @param folder existing; a folder within it takes the files, and is removed at the end
   * @param config of all matrices, such as {@code symmetric:4 group:32 bf16}
   * @param layers of the model, some 50 million weights each; 15 bytes for a weight are needed on
   *     the disk
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
      Sources sources = Sources.make(work, config, width, layers);
      print(
          out,
          "%,d weights, %s: packed %,d MB, float32 %,d MB, bfloat16 %,d MB%n",
          sources.weights(),
          config,
          size(sources.packed()) / 1_000_000,
          size(sources.floats()) / 1_000_000,
          size(sources.halves()) / 1_000_000);
      print(out, HEADING, "target", "MB", "export, ns", "to copying", "to copying", "to copying");
      print(out, "%14s%14s%10s%n", "quantize, ns", "to copying", "heap");
      print(out, HEADING, "", "", "a weight", "the output", "the packed", "the float32");
      print(out, "%14s%14s%10s%n", "a weight", "the bfloat16", "MB");
      for (String target : Formats.names()) {
        measure(target, sources, config, work, out);
      }
    } finally {
      delete(work);
    }
  }

  /**
   * The same model packed and as floats, and another one to be quantized.
   *
   * @param packed a file
   * @param floats a folder of float32
   * @param halves a folder of bfloat16
   * @param weights of each
   */
  private record Sources(Path packed, Path floats, Path halves, long weights) {
    static Sources make(Path work, QuantConfig config, int width, int layers) throws IOException {
      Path folder = Files.createDirectories(work.resolve("model"));
      RandomModel model = new RandomModel(folder, config, width, layers);
      RandomModel plain = new RandomModel(folder, null, width, layers);
      Sources sources =
          new Sources(
              work.resolve("model.parq.safetensors"),
              work.resolve("float32"),
              work.resolve("bfloat16"),
              model.weights());
      new ParqWriter().write(model, sources.packed(), ModelWriter.Progress.NONE);
      new FloatsWriter().write(model, sources.floats(), ModelWriter.Progress.NONE);
      new FloatsWriter().write(plain, sources.halves(), ModelWriter.Progress.NONE);
      return sources;
    }
  }

  private static void measure(
      String target, Sources sources, QuantConfig config, Path work, PrintWriter out)
      throws IOException {
    Path written = work.resolve("written");
    Path copy = work.resolve("copy");
    long[] best = new long[6];
    Arrays.fill(best, Long.MAX_VALUE);
    long heap = Long.MAX_VALUE;
    long bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
      shorter(best, 0, copy(sources.packed(), copy));
      shorter(best, 1, copy(sources.floats(), copy));
      shorter(best, 2, copy(sources.halves(), copy));
      delete(copy);
      System.gc();
      pools().forEach(MemoryPoolMXBean::resetPeakUsage);
      shorter(best, 3, write(target, () -> Formats.source(sources.packed()), written));
      heap = Math.min(heap, pools().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum());
      bytes = size(written);
      shorter(best, 4, copy(written, copy));
      delete(copy);
      shorter(
          best,
          5,
          write(
              target,
              () -> FolderSource.quantizing(sources.halves(), config, null, null),
              written));
    }
    delete(written);
    print(
        out,
        "%-12s%,8d%12.2f%12.2f%12.2f%12.2f",
        target,
        bytes / 1_000_000,
        (double) best[3] / sources.weights(),
        (double) best[3] / best[4],
        (double) best[3] / best[0],
        (double) best[3] / best[1]);
    print(
        out,
        "%14.2f%14.2f%,10d%n",
        (double) best[5] / sources.weights(),
        (double) best[5] / best[2],
        heap / 1_000_000);
  }

  private static void shorter(long[] best, int what, long nanos) {
    best[what] = Math.min(best[what], nanos);
  }

  private interface Opening {
    ModelSource open() throws IOException;
  }

  private static long write(String target, Opening source, Path to) throws IOException {
    delete(to);
    long start = System.nanoTime();
    try (ModelSource model = source.open()) {
      Formats.writer(target, WriteOptions.DEFAULT).write(model, to, ModelWriter.Progress.NONE);
    }
    return System.nanoTime() - start;
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

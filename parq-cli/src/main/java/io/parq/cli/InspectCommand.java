package io.parq.cli;

import io.parq.export.Inspection;
import io.parq.export.ModelReader;
import io.parq.export.PackedSource;
import io.parq.export.SourceReader;
import io.parq.export.floats.FloatsReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Tells what a file holds. */
@Command(
    name = "inspect",
    description = "Shows tensors, shapes, bits, scales, level histograms and sizes of a file.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  private static final String BARS = "▁▂▃▄▅▆▇█";

  /** Finer grids are drawn with neighbouring levels joined. */
  private static final int MOST_BARS = 32;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "FILE",
      description =
          "a file or folder of any target, the output folder of a training run, or any safetensors"
              + " file, index or folder")
  private Path file = Path.of("");

  @Option(names = "--counts", description = "print how many weights each level has")
  private boolean counts;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    try (ModelReader reader = Models.reader(file)) {
      if (!(reader instanceof FloatsReader || reader instanceof SourceReader)) {
        list(reader, out);
        return 0;
      }
    }
    Path packed = PackedSource.locate(file);
    Inspection inspection = Inspection.of(packed == null ? file : packed);
    out.println(file + (inspection.packed() ? " (packed)" : ""));
    inspection.metadata().forEach((key, value) -> out.println("  " + key + ": " + value));
    int width =
        inspection.tensors().stream().mapToInt(tensor -> tensor.name().length()).max().orElse(4);
    for (Inspection.Tensor tensor : inspection.tensors()) {
      out.println(line(tensor, width));
      if (counts && tensor.quantization() != null) {
        out.println("    " + tensor.quantization().histogram());
      }
    }
    summary(out, inspection.tensors().size(), inspection.bytes(), inspection.fp32Bytes());
    return 0;
  }

  /** Lists what another format holds. */
  private void list(ModelReader reader, PrintWriter out) {
    List<ModelReader.Stored> tensors = reader.tensors();
    out.println(file);
    int width = tensors.stream().mapToInt(tensor -> tensor.name().length()).max().orElse(4);
    long bytes = 0;
    long floats = 0;
    for (ModelReader.Stored tensor : tensors) {
      long elements = tensor.shape().stream().reduce(1L, Math::multiplyExact);
      bytes += tensor.bytes();
      floats += 4 * elements;
      out.printf(
          Locale.ROOT,
          "%-" + width + "s  %-12s %-14s %10s %6.2f bits%n",
          tensor.name(),
          tensor.encoding(),
          Sizes.shape(tensor.shape()),
          Sizes.bytes(tensor.bytes()),
          8.0 * tensor.bytes() / Math.max(1, elements));
    }
    summary(out, tensors.size(), bytes, floats);
  }

  private static void summary(PrintWriter out, int tensors, long bytes, long floats) {
    out.printf(
        Locale.ROOT,
        "%d tensors, %s; as float32 %s (%.1f %% of it)%n",
        tensors,
        Sizes.bytes(bytes),
        Sizes.bytes(floats),
        100.0 * bytes / Math.max(1, floats));
    out.flush();
  }

  private static String line(Inspection.Tensor tensor, int width) {
    String start =
        String.format(
            Locale.ROOT,
            "%-" + width + "s  %-8s %-14s %10s %6.2f bits",
            tensor.name(),
            tensor.dtype(),
            Sizes.shape(tensor.shape()),
            Sizes.bytes(tensor.bytes()),
            tensor.bitsPerWeight());
    Inspection.Quantization lattice = tensor.quantization();
    if (lattice == null) {
      return start;
    }
    return String.format(
        Locale.ROOT,
        "%s  %s  scales %.3g to %.3g  %s",
        start,
        lattice.config(),
        lattice.minScale(),
        lattice.maxScale(),
        bars(lattice.histogram()));
  }

  /** A bar for each level, lowest level first. */
  static String bars(List<Long> histogram) {
    int joined = Math.ceilDiv(histogram.size(), MOST_BARS);
    long[] heights = new long[Math.ceilDiv(histogram.size(), joined)];
    for (int i = 0; i < histogram.size(); i++) {
      heights[i / joined] += histogram.get(i);
    }
    long highest = Math.max(1, java.util.Arrays.stream(heights).max().orElse(1));
    return java.util.Arrays.stream(heights)
        .mapToObj(
            height ->
                height == 0 ? " " : BARS.substring(bar(height, highest), bar(height, highest) + 1))
        .collect(Collectors.joining("", "|", "|"));
  }

  private static int bar(long height, long highest) {
    return (int) ((BARS.length() - 1) * height / highest);
  }
}

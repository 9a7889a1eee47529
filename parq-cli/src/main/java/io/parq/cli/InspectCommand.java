package io.parq.cli;

import io.parq.export.Inspection;
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

/** Tells what a safetensors file holds. */
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
      description = "a safetensors file, an index of shards, or a folder with either")
  private Path file = Path.of("");

  @Option(names = "--counts", description = "print how many weights each level has")
  private boolean counts;

  @Override
  public Integer call() throws IOException {
    Inspection inspection = Inspection.of(file);
    PrintWriter out = spec.commandLine().getOut();
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
    out.printf(
        Locale.ROOT,
        "%d tensors, %s; as float32 %s (%.1f %% of it)%n",
        inspection.tensors().size(),
        Sizes.bytes(inspection.bytes()),
        Sizes.bytes(inspection.fp32Bytes()),
        100.0 * inspection.bytes() / Math.max(1, inspection.fp32Bytes()));
    out.flush();
    return 0;
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

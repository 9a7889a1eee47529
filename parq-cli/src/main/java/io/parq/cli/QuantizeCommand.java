package io.parq.cli;

import io.parq.export.SafetensorsQuantizer;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Quantizes a checkpoint after training. */
@Command(
    name = "quantize",
    description = "Quantizes the weights of a safetensors file (post-training quantization).",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class QuantizeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description = "a safetensors file, an index of shards, or a folder with either")
  private Path input = Path.of("");

  @Parameters(index = "1", paramLabel = "OUT", description = "the safetensors file to write")
  private Path output = Path.of("");

  @Option(names = "--bits", paramLabel = "BITS", description = "bits of a weight, 1 to 8")
  private @Nullable Integer bits;

  @Option(
      names = "--grid",
      paramLabel = "GRID",
      description = {
        "the levels: symmetric, asymmetric, stretched, asymmetric-uniform, lsbq-greedy (with --bits),"
            + " ternary, nf4, fp4, tinygemm, or a full name such as clipped:3:max:1.0:0.0;"
            + " +error-optimal behind symmetric, stretched or ternary fits the scale with the least"
            + " squared error. Default: stretched up to 3 bits, else symmetric"
      })
  private @Nullable String grid;

  @Option(
      names = "--granularity",
      paramLabel = "WHAT",
      defaultValue = "per-row",
      converter = GranularityConverter.class,
      description =
          "what shares a scale: per-tensor, per-row or group:SIZE (default: ${DEFAULT-VALUE})")
  private Granularity granularity = Granularity.perRow();

  @Option(
      names = "--scale-type",
      paramLabel = "TYPE",
      defaultValue = "fp32",
      converter = ScaleTypeConverter.class,
      description =
          "what scales are rounded to: fp32, bf16, fp16, e8m0 or e4m3 (default: ${DEFAULT-VALUE})")
  private ScaleType scaleType = ScaleType.FP32;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description = "names of the tensors to quantize; default: *.weight but norms")
  private @Nullable String include;

  @Option(
      names = "--embedding-bits",
      paramLabel = "BITS",
      description =
          "other bits for embeddings (embed_tokens, wte, tok_embeddings, word_embeddings)")
  private @Nullable Integer embeddingBits;

  @Option(
      names = "--dequantized",
      description = "write the quantized values as float32 under the original names")
  private boolean dequantized;

  @Option(names = "--force", description = "replace OUT if it exists")
  private boolean force;

  @Override
  public Integer call() throws IOException {
    QuantConfig config = config();
    SafetensorsQuantizer.Options options =
        new SafetensorsQuantizer.Options(config, embeddingConfig(), include, dequantized, force);
    SafetensorsQuantizer.Report report;
    try (ProgressBar bar = progressBar()) {
      report =
          SafetensorsQuantizer.quantize(
              input,
              output,
              options,
              (done, total, tensor) -> {
                bar.maxHint(total);
                bar.stepTo(done);
                bar.setExtraMessage(tensor);
              });
    }
    print(report);
    return 0;
  }

  private static ProgressBar progressBar() {
    boolean terminal = Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    return new ProgressBarBuilder()
        .setTaskName("quantize")
        .setUnit(" MB", 1_000_000)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(terminal ? 200 : Integer.MAX_VALUE)
        .setConsumer(
            terminal
                ? new me.tongfei.progressbar.ConsoleProgressBarConsumer(System.err)
                : new me.tongfei.progressbar.DelegatingProgressBarConsumer(line -> {}))
        .build();
  }

  private void print(SafetensorsQuantizer.Report report) {
    PrintWriter out = spec.commandLine().getOut();
    int width =
        report.quantized().stream().mapToInt(tensor -> tensor.name().length()).max().orElse(0);
    for (SafetensorsQuantizer.Quantized tensor : report.quantized()) {
      out.printf(
          Locale.ROOT,
          "%-" + width + "s  %-14s %-30s %10s -> %-10s rms error %.3g%n",
          tensor.name(),
          Sizes.shape(tensor.shape()),
          tensor.config(),
          Sizes.bytes(tensor.bytesBefore()),
          Sizes.bytes(tensor.bytesAfter()),
          tensor.rmsError());
    }
    out.printf(
        Locale.ROOT,
        "%s: %d tensors quantized, %d copied, %s -> %s (%.1f %%)%n",
        output,
        report.quantized().size(),
        report.copied(),
        Sizes.bytes(report.bytesBefore()),
        Sizes.bytes(report.bytesAfter()),
        100.0 * report.bytesAfter() / report.bytesBefore());
    out.flush();
  }

  private QuantConfig config() {
    try {
      return new QuantConfig(grid(), granularity, scaleType);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private @Nullable QuantConfig embeddingConfig() {
    if (embeddingBits == null) {
      return null;
    }
    try {
      return new QuantConfig(QuantConfig.of(embeddingBits).grid(), granularity, scaleType);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--embedding-bits: " + e.getMessage(), e);
    }
  }

  private static final Pattern BARE = Pattern.compile("([a-z0-9-]+)((?:\\+[a-z-]+)*)");

  private Grid grid() {
    if (grid == null) {
      if (bits == null) {
        throw new ParameterException(
            spec.commandLine(), "expected --bits or a --grid that has them");
      }
      return QuantConfig.of(bits).grid();
    }
    Matcher bare = BARE.matcher(grid);
    boolean widthless = bare.matches() && WITH_BITS.contains(bare.group(1));
    if (widthless && bits == null) {
      throw new ParameterException(spec.commandLine(), "--grid " + grid + " needs --bits");
    }
    Grid chosen = Grid.parse(widthless ? bare.group(1) + ":" + bits + bare.group(2) : grid);
    if (bits != null && chosen.bits() != bits) {
      throw new ParameterException(
          spec.commandLine(),
          "--bits %d with --grid %s, which has %d".formatted(bits, grid, chosen.bits()));
    }
    return chosen;
  }

  private static final java.util.Set<String> WITH_BITS =
      java.util.Set.of(
          "symmetric",
          "asymmetric",
          "stretched",
          "asymmetric-uniform",
          "lsbq-greedy",
          "lsbq-optimal");

  /** Reads per-row and the like. */
  static final class GranularityConverter implements ITypeConverter<Granularity> {
    @Override
    public Granularity convert(String value) {
      return converted(value, Granularity::parse);
    }
  }

  /** Reads bf16 and the like. */
  static final class ScaleTypeConverter implements ITypeConverter<ScaleType> {
    @Override
    public ScaleType convert(String value) {
      return converted(value, ScaleType::parse);
    }
  }

  private static <T> T converted(String value, Function<String, T> parse) {
    try {
      return parse.apply(value);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}

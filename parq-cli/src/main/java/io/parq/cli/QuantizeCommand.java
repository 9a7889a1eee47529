package io.parq.cli;

import io.parq.cli.recipe.GridName;
import io.parq.export.FolderSource;
import io.parq.export.ModelSource;
import io.parq.export.SafetensorsQuantizer;
import io.parq.export.formats.Formats;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Quantizes a checkpoint after training. */
@Command(
    name = "quantize",
    description = "Quantizes the weights of a model (post-training quantization).",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class QuantizeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description = "a safetensors file, an index of shards, or a folder with either")
  private Path input = Path.of("");

  @Parameters(
      index = "1",
      paramLabel = "OUT",
      description = "the file to write, or the folder where the target is one")
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
      converter = Converters.OfGranularity.class,
      description =
          "what shares a scale: group:SIZE, per-row or per-tensor (default: ${DEFAULT-VALUE})")
  private Granularity granularity = Granularity.perRow();

  @Option(
      names = "--scale-type",
      paramLabel = "TYPE",
      converter = Converters.OfScaleType.class,
      description =
          "what scales are rounded to: fp32, bf16, fp16, e8m0 or e4m3; default: what the target"
              + " holds exactly, fp32 without one")
  private @Nullable ScaleType scaleType;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description = "tensors to quantize, by name; default: *.weight but norms")
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

  @Option(
      names = "--target",
      paramLabel = "TARGET",
      converter = Converters.OfTarget.class,
      completionCandidates = Converters.Targets.class,
      description =
          "what OUT is to be, with IN a Hugging Face folder: ${COMPLETION-CANDIDATES}; default: a"
              + " packed file with nothing but tensors")
  private @Nullable String target;

  @Mixin private Exporting exporting = new Exporting();

  @Override
  public Integer call() throws IOException {
    if (target == null) {
      pack();
    } else {
      export(target);
    }
    return 0;
  }

  private void pack() throws IOException {
    SafetensorsQuantizer.Options options =
        new SafetensorsQuantizer.Options(
            config(null), embeddingConfig(null), include, dequantized, exporting.force);
    SafetensorsQuantizer.Report report;
    try (TransferBar bar = new TransferBar("quantize")) {
      report = SafetensorsQuantizer.quantize(input, output, options, bar::at);
    }
    print(report);
  }

  private void export(String name) throws IOException {
    if (dequantized) {
      throw new ParameterException(
          spec.commandLine(), "--dequantized with --target, expected --target safetensors alone");
    }
    Target format = Formats.target(name);
    try (ModelSource model =
        FolderSource.quantizing(input, config(format), embeddingConfig(format), include)) {
      exporting.write(model, name, output, spec.commandLine().getOut());
    }
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

  private QuantConfig config(@Nullable Target format) {
    try {
      Grid chosen = grid();
      return new QuantConfig(chosen, granularity, scaleType(chosen, format));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private @Nullable QuantConfig embeddingConfig(@Nullable Target format) {
    if (embeddingBits == null) {
      return null;
    }
    try {
      Grid chosen = QuantConfig.of(embeddingBits).grid();
      return new QuantConfig(chosen, granularity, scaleType(chosen, format));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--embedding-bits: " + e.getMessage(), e);
    }
  }

  private ScaleType scaleType(Grid chosen, @Nullable Target format) {
    if (scaleType != null) {
      return scaleType;
    }
    return format == null ? ScaleType.FP32 : format.scaleType(chosen, granularity);
  }

  private Grid grid() {
    GridName name = new GridName(grid == null ? "auto" : grid);
    if (bits == null && (name.isAuto() || name.isWidthless())) {
      throw new ParameterException(
          spec.commandLine(),
          grid == null
              ? "expected --bits or a --grid that has them"
              : "--grid " + grid + " needs --bits");
    }
    Grid chosen = name.grid(bits);
    if (bits != null && chosen.bits() != bits) {
      throw new ParameterException(
          spec.commandLine(),
          "--bits %d with --grid %s, which has %d".formatted(bits, grid, chosen.bits()));
    }
    return chosen;
  }
}

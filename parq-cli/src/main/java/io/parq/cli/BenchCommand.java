package io.parq.cli;

import io.parq.benchmarks.Bench;
import io.parq.benchmarks.BenchTable;
import io.parq.benchmarks.ExportBench;
import io.parq.benchmarks.Machine;
import io.parq.benchmarks.Reference;
import io.parq.benchmarks.Results;
import io.parq.benchmarks.Row;
import io.parq.benchmarks.RuntimeBench;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures what steps, running models and exports cost on this machine. */
@Command(
    name = "bench",
    description = {
      "Measures what training steps, running models and exports cost here.",
      "A quantizing step is measured in ratios to AdamW and to copying memory; --runtime measures"
          + " running models instead, --export writing them."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Steps: large is 33.6 M weights in two matrices, more than caches hold, small 3.3 M weights in"
          + " 200 tensors. Lattices are fitted again in every step. Rounds are interleaved: each times"
          + " a row once, and once everything that it is compared to; the shortest of up to 31 counts,"
          + " and the median of their ratios. Each result is checked. A minute and a half; --full"
          + " takes many. Needs some 3 GB of memory."
    })
final class BenchCommand implements Callable<Integer> {
  private static final int ROUNDS = 5;
  private static final int PROMPT = 64;
  private static final int TOKENS = 16;
  private static final List<String> EXPORTED =
      List.of("symmetric:4 group:32 bf16", "stretched:2 per-row bf16");
  private static final int EXPORTED_LAYERS = 6;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "threads to use (default: 2, or 1 if there is only one)")
  private int threads = Math.min(2, Runtime.getRuntime().availableProcessors());

  @Option(
      names = "--full",
      description =
          "steps: all of hard, parq, binary-relax; per row, groups of 128 and 32; 1 bit to 4 bits; both models")
  private boolean full;

  @Option(
      names = "--reference",
      paramLabel = "PYTHON",
      description =
          "steps: also time PyTorch's AdamW and torchao's QuantOptimizer with this interpreter, and"
              + " print both side by side (some minutes more); what it needs is in"
              + " reference/requirements.txt")
  private @Nullable String reference;

  @Option(
      names = "--markdown",
      description = "print tables in Markdown, as docs/performance.md has")
  private boolean markdown;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "steps: also write all numbers to a file")
  private @Nullable Path json;

  @Option(
      names = "--runtime",
      description =
          "measure products of packed matrices instead, and a decoder of random weights in the shape"
              + " of Phi-4-mini at 2, 3 and 4 bits (some minutes, some 7 GB of memory)")
  private boolean runtime;

  @Option(
      names = "--layers",
      paramLabel = "N",
      description = "with --runtime: layers of the decoder (default: ${DEFAULT-VALUE})")
  private int layers = 32;

  @Option(
      names = "--export",
      paramLabel = "FOLDER",
      description =
          "time exporting packed models of random codes to every target instead, and quantizing bfloat16"
              + " into each, against copying the files; they are written below this folder and removed"
              + " (7 GB, some minutes)")
  private @Nullable Path export;

  @Override
  public Integer call() throws IOException {
    if (export != null) {
      for (String weights : EXPORTED) {
        ExportBench.run(
            export, QuantConfig.parse(weights), EXPORTED_LAYERS, spec.commandLine().getOut());
      }
      return 0;
    }
    if (threads < 1 || layers < 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--threads %d --layers %d, expected at least 1".formatted(threads, layers));
    }
    BenchTable table = new BenchTable(spec.commandLine().getOut(), markdown);
    Map<String, String> machine = Machine.describe(threads);
    table.facts(machine);
    if (runtime) {
      RuntimeBench.matrices(threads, ROUNDS, List.of("4096x4096", "3072x8192"), table::matrix);
      RuntimeBench.models(
          threads,
          ROUNDS,
          tied -> RuntimeBench.phi4Mini(layers, tied),
          PROMPT,
          TOKENS,
          table::model);
      return 0;
    }
    List<Row> rows = Bench.run(threads, full, table);
    Reference.Report theirs = null;
    if (reference != null) {
      theirs = Reference.run(reference, threads);
      table.beside(rows, theirs);
    }
    if (json != null) {
      new Results(machine, rows, theirs).write(json);
    }
    return 0;
  }
}

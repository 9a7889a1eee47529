package io.parq.cli;

import io.parq.runtime.Generation;
import io.parq.runtime.LanguageModel;
import io.parq.torch.train.Generator;
import io.parq.torch.train.Sampling;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Continues a prompt. */
@Command(
    name = "generate",
    description = "Continues a prompt, printing the text as it comes.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "MODEL",
      description =
          "a Hugging Face folder; with --backend runtime also what parq train wrote, or a packed file")
  private Path folder = Path.of("");

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "what comes before (default: none)")
  private String prompt = "";

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "128",
      description = "most tokens to generate (default: ${DEFAULT-VALUE})")
  private int maxTokens = 128;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0.8",
      description = "0 takes the most likely token (default: ${DEFAULT-VALUE})")
  private double temperature = 0.8;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "draw from the K most likely tokens only; 0: from all")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1.0",
      description = "draw from the most likely tokens of this probability together (default: all)")
  private double topP = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "of the draws (default: ${DEFAULT-VALUE})")
  private long seed = 1;

  @Option(names = "--stop", paramLabel = "TEXT", description = "ends the text; may be repeated")
  private List<String> stops = new ArrayList<>();

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "torch",
      description =
          "torch, or runtime: without LibTorch, also for packed models (default: ${DEFAULT-VALUE})")
  private Backend backend = Backend.torch;

  /** What runs the model, as it is written on the command line. */
  enum Backend {
    torch,
    runtime
  }

  @Mixin private Loading loading = new Loading();

  @Override
  public Integer call() throws IOException {
    if (backend == Backend.runtime) {
      runtime();
    } else {
      torch();
    }
    return 0;
  }

  private void runtime() throws IOException {
    Sampling checked = new Sampling(temperature, topK, topP, seed);
    Generation generation =
        new Generation(
            maxTokens,
            new io.parq.runtime.Sampling(
                checked.temperature(), checked.topK(), checked.topP(), 0, 1, checked.seed()),
            stops);
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    try (LanguageModel model = loading.runtime(folder)) {
      out.print(prompt);
      Generation.Result result = model.generate(prompt, generation, piece -> print(out, piece));
      out.println();
      out.flush();
      err.printf(
          Locale.ROOT,
          "%d tokens, %.1f a second, after %d tokens at %.1f a second; %.1f MB of weights read in"
              + " %.2f s%n",
          result.tokens(),
          result.decodeRate(),
          result.promptTokens(),
          result.prefillRate(),
          model.weightBytes() / 1e6,
          model.startNanos() / 1e9);
      err.flush();
    }
  }

  private static void print(PrintWriter out, String piece) {
    out.print(piece);
    out.flush();
  }

  private void torch() throws IOException {
    Sampling sampling = new Sampling(temperature, topK, topP, seed);
    Generator.Options options = new Generator.Options(maxTokens, sampling, stops);
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    try (LoadedModel loaded = loading.model(folder)) {
      int window = Math.min(loaded.model().config().maxPositions(), 4096);
      Generator generator = new Generator(loaded.model()::forward, loaded.codec(), window);
      long start = System.nanoTime();
      out.print(prompt);
      Generator.Result result = generator.generate(prompt, options, piece -> print(out, piece));
      out.println();
      out.flush();
      err.printf(
          Locale.ROOT,
          "%d tokens, %.1f a second%n",
          result.tokens(),
          result.tokens() * 1e9 / (System.nanoTime() - start));
      err.flush();
    }
  }
}

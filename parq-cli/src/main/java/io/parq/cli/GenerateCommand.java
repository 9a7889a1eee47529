package io.parq.cli;

import io.parq.runtime.Generation;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.Sampling;
import io.parq.torch.train.Generator;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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
          "a model in any format: what parq train wrote, a packed or GGUF file, a Hugging Face folder")
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

  @Mixin private SamplingOptions sampling = new SamplingOptions();

  @Mixin private Loading loading = new Loading();

  @Override
  public Integer call() throws IOException {
    if (loading.backend(folder) == Backend.RUNTIME) {
      runtime();
    } else {
      torch();
    }
    return 0;
  }

  private void runtime() throws IOException {
    Generation generation = sampling.generation(maxTokens);
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    try (LanguageModel model = loading.runtime(folder)) {
      out.print(prompt);
      Generation.Result result = model.generate(prompt, generation, piece -> print(out, piece));
      out.println();
      out.flush();
      err.printf(
          Locale.ROOT,
          "prompt: %d tokens, %.1f a second; text: %d tokens, %.1f a second%n%s%n",
          result.promptTokens(),
          result.prefillRate(),
          result.tokens(),
          result.decodeRate(),
          Footprint.of(model));
      err.flush();
    }
  }

  private static void print(PrintWriter out, String piece) {
    out.print(piece);
    out.flush();
  }

  private void torch() throws IOException {
    Generation generation = sampling.generation(maxTokens);
    Sampling asked = generation.sampling();
    if (asked.minP() != 0 || asked.repetitionPenalty() != 1) {
      throw new ParameterException(
          spec.commandLine(), "--min-p and --repetition-penalty go with --backend runtime only");
    }
    Generator.Options options =
        new Generator.Options(
            maxTokens,
            new io.parq.torch.train.Sampling(
                asked.temperature(), asked.topK(), asked.topP(), asked.seed()),
            generation.stops());
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

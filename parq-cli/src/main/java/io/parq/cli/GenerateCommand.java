package io.parq.cli;

import io.parq.export.text.Generation;
import io.parq.runtime.LanguageModel;
import io.parq.torch.train.Generator;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Function;
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
    Generation generation = sampling.generation(maxTokens);
    if (loading.backend(folder) == Backend.RUNTIME) {
      try (LanguageModel model = loading.runtime(folder)) {
        print(stream -> model.generate(prompt, generation, stream));
        PrintWriter err = spec.commandLine().getErr();
        err.println(Footprint.of(model));
        err.flush();
      }
    } else {
      try (LoadedModel loaded = loading.model(folder)) {
        int window = Math.min(loaded.model().config().maxPositions(), 4096);
        Generator generator = new Generator(loaded.model()::forward, loaded.codec(), window);
        print(stream -> generator.generate(prompt, generation, stream));
      }
    }
    return 0;
  }

  private void print(Function<Consumer<String>, Generation.Result> model) {
    PrintWriter out = spec.commandLine().getOut();
    out.print(prompt);
    Generation.Result result =
        model.apply(
            piece -> {
              out.print(piece);
              out.flush();
            });
    out.println();
    out.flush();
    PrintWriter err = spec.commandLine().getErr();
    err.printf(
        Locale.ROOT,
        "prompt: %d tokens, %.1f a second; text: %d tokens, %.1f a second%n",
        result.promptTokens(),
        result.prefillRate(),
        result.tokens(),
        result.decodeRate());
    err.flush();
  }
}

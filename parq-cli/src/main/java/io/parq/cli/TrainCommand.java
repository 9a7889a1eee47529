package io.parq.cli;

import io.parq.cli.recipe.Recipe;
import io.parq.cli.recipe.RecipeFile;
import io.parq.cli.recipe.RecipeReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains as a recipe says. */
@Command(
    name = "train",
    description = "Trains a language model as a recipe says, quantized or not.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Ctrl-C saves a checkpoint and ends; --resume goes on from it, bit for bit.",
      "docs/recipes.md explains every key."
    })
final class TrainCommand implements Callable<Integer> {
  /** What a shell reports for a command ended by Ctrl-C. */
  private static final int INTERRUPTED = 130;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "RECIPE", arity = "0..1", description = "a YAML file")
  private @Nullable Path recipe;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "overrides a key of the recipe; may be repeated")
  private List<String> overrides = new ArrayList<>();

  @Option(names = "--print-defaults", description = "print a recipe with every key, and end")
  private boolean printDefaults;

  @Option(
      names = "--dry-run",
      description = "show groups, bits, sizes and steps without training, and end")
  private boolean dryRun;

  @Option(names = "--resume", description = "go on from the latest checkpoint in the output folder")
  private boolean resume;

  @Option(names = "--force", description = "replace what an earlier run left in the output folder")
  private boolean force;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (printDefaults) {
      out.print(Recipe.defaults().toCommentedYaml());
      out.flush();
      return 0;
    }
    if (recipe == null) {
      throw new ParameterException(spec.commandLine(), "expected a RECIPE or --print-defaults");
    }
    RecipeFile file = RecipeReader.read(recipe, overrides);
    try (TrainRun run = TrainRun.prepare(file)) {
      run.describe(out);
      if (dryRun) {
        return 0;
      }
      return run.train(out, resume, force) ? 0 : INTERRUPTED;
    }
  }
}

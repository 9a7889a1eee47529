package io.parq.cli;

import io.parq.cli.recipe.KeyException;
import io.parq.cli.recipe.Qat;
import io.parq.cli.recipe.Recipe;
import io.parq.cli.recipe.RecipeFile;
import io.parq.cli.recipe.RecipeReader;
import io.parq.export.model.Family;
import io.parq.export.torchao.TorchaoTarget;
import io.parq.export.torchao.TorchaoWriter;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.Target;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.Parameter.Kind;
import io.parq.optim.ParameterFilter;
import io.parq.optim.TargetException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What a recipe asks for, held against the parameters of its model. */
final class RecipeCheck {
  private final RecipeFile file;
  private final Recipe recipe;
  private final List<ParamGroup> groups;
  private final List<KeyException> problems = new ArrayList<>();

  private RecipeCheck(RecipeFile file, List<ParamGroup> groups) {
    this.file = file;
    this.recipe = file.recipe();
    this.groups = groups;
  }

  /**
   * Checks that every filter chooses something, that activations are those of some layer, and that
   * the target can hold every quantized parameter.
   *
   * @param groups of the optimizer that the recipe describes
   * @param target the recipe's
   * @param family of the model
   * @throws io.parq.cli.recipe.RecipeException for all that is wrong
   */
  static void run(RecipeFile file, List<ParamGroup> groups, Target target, Family family) {
    RecipeCheck check = new RecipeCheck(file, groups);
    check.filters();
    check.activations();
    check.ask(target);
    if (family == Family.GEMMA3 && target instanceof TorchaoTarget) {
      check.gemmaEmbedding();
    }
    if (!check.problems.isEmpty()) {
      throw file.locate(check.problems);
    }
  }

  /**
   * Checks what a checkpoint, which has weights, data and optimizer, does not tell.
   *
   * @param before the recipe of the run to resume
   */
  static void resumes(Recipe recipe, Path before) throws IOException {
    if (Files.exists(before)) {
      String text = Files.readString(before);
      Recipe earlier = RecipeReader.parse(text, before.toString(), Path.of(""), List.of()).recipe();
      ActivationQuantization found = recipe.qat().activations();
      ActivationQuantization expected = earlier.qat().activations();
      if (found != expected) {
        throw new IllegalArgumentException(
            "qat.activations: found %s, expected %s, as in %s, to resume"
                .formatted(
                    found == null ? "none" : found, expected == null ? "none" : expected, before));
      }
    }
  }

  private List<Parameter> parameters() {
    return groups.stream().flatMap(group -> group.parameters().stream()).toList();
  }

  private void filters() {
    List<Qat.Named> filters = recipe.qat().filters();
    Predicate<Parameter> left = parameter -> true;
    for (int i = 0; i < filters.size(); i++) {
      ParameterFilter filter = ParameterFilter.named(filters.get(i).name());
      List<Parameter> named = parameters().stream().filter(filter::test).toList();
      List<Parameter> weights = named.stream().filter(RecipeCheck::isWeight).toList();
      String problem = null;
      if (named.isEmpty()) {
        problem = "which is the name of no parameter, expected " + example(filter);
      } else if (weights.isEmpty()) {
        problem = "which names norms and biases only, expected weights: others are not quantized";
      } else if (weights.stream().noneMatch(left)) {
        problem = "of which filters before it choose all, expected it before them";
      }
      if (problem != null) {
        String found = "found '%s', ".formatted(filters.get(i).name());
        problems.add(new KeyException("qat.filters[%d].name".formatted(i), found + problem));
      }
      left = left.and(parameter -> !filter.test(parameter));
    }
  }

  private static boolean isWeight(Parameter parameter) {
    return parameter.kind() != Kind.NORM && parameter.kind() != Kind.BIAS;
  }

  private String example(ParameterFilter filter) {
    List<String> weights =
        parameters().stream().filter(RecipeCheck::isWeight).map(Parameter::name).toList();
    String head = "lm_head.weight";
    boolean isHead =
        filter.test(Parameter.of(head, Kind.LINEAR, new float[1], new float[1], 1))
            && !weights.contains(head);
    return isHead
        ? "another: the head is tied to the embedding, " + weights.getFirst()
        : "one such as " + weights.getLast();
  }

  private void activations() {
    boolean quantizesLinear =
        groups.stream()
            .filter(group -> group.config() != null)
            .flatMap(group -> group.parameters().stream())
            .anyMatch(parameter -> parameter.kind() == Kind.LINEAR);
    if (recipe.qat().activations() != null && !quantizesLinear) {
      problems.add(
          new KeyException(
              "qat.activations",
              "found %s without linear layers whose weights are quantized, expected some"
                  .formatted(recipe.qat().activations())));
    }
  }

  private void ask(Target target) {
    try {
      TargetException.check(groups, target);
    } catch (TargetException e) {
      for (TargetException.Refusal refusal : e.refusals()) {
        String key = recipe.qat().key(refusal.parameter());
        problems.add(
            new KeyException(
                file.has(key) ? key : "qat.scheme",
                "target %s cannot hold %s".formatted(target.name(), refusal)));
      }
    }
  }

  /** What the writer would refuse when all is trained. */
  private void gemmaEmbedding() {
    for (ParamGroup group : groups) {
      for (Parameter parameter : group.parameters()) {
        if (group.config() != null && parameter.kind() == Kind.EMBEDDING) {
          String key = recipe.qat().key(parameter);
          problems.add(
              new KeyException(
                  file.has(key) ? key : "qat.scheme",
                  parameter.name() + ": " + TorchaoWriter.GEMMA3_EMBEDDING));
        }
      }
    }
  }
}

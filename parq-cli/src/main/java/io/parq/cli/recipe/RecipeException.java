package io.parq.cli.recipe;

import java.util.List;

/** A recipe that cannot be used. Its message has all problems, one a line. */
public final class RecipeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private final transient List<String> problems;

  RecipeException(List<String> problems) {
    super(String.join("\n", problems));
    this.problems = List.copyOf(problems);
  }

  /** {@return the problems, in the order of the recipe, overrides last; at least one} */
  public List<String> problems() {
    return problems;
  }
}

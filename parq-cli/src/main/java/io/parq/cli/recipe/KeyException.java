package io.parq.cli.recipe;

/**
 * A value that turns out not to fit once more is known than the recipe says, such as the number of
 * steps of an epoch. {@link RecipeFile#locate} adds file and line.
 */
public final class KeyException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private final String key;
  private final String problem;

  /**
   * A problem with a key.
   *
   * @param key the full path, such as {@code qat.prox.anneal_end}
   * @param problem what was found and what was expected
   */
  public KeyException(String key, String problem) {
    super(key + ": " + problem);
    this.key = key;
    this.problem = problem;
  }

  /** {@return the full path of the key} */
  public String key() {
    return key;
  }

  /** {@return what was found and what was expected} */
  public String problem() {
    return problem;
  }
}

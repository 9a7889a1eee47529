package io.parq.cli.recipe;

import java.util.List;
import java.util.Map;

/** A recipe that was read, and where its keys stand. */
public final class RecipeFile {
  private final Recipe recipe;
  private final Map<String, Place> places;

  RecipeFile(Recipe recipe, Map<String, Place> places) {
    this.recipe = recipe;
    this.places = Map.copyOf(places);
  }

  /** {@return the recipe} */
  public Recipe recipe() {
    return recipe;
  }

  /**
   * {@return the error for a problem that shows only when more is known, with file and line}
   *
   * @param key the full path of a key, such as {@code model.new.hidden_size}; if the recipe does
   *     not have it, the line is that of the section it belongs to
   * @param problem what was found and what was expected
   */
  public RecipeException locate(String key, String problem) {
    return locate(List.of(new KeyException(key, problem)));
  }

  /**
   * {@return the same problems with file and line, in one error}
   *
   * @param problems at least one
   */
  public RecipeException locate(List<KeyException> problems) {
    return new RecipeException(
        problems.stream()
            .map(found -> place(places, found.key()).at(found.key()) + ": " + found.problem())
            .toList());
  }

  /**
   * {@return whether the recipe has a key itself, or an override does}
   *
   * @param key the full path
   */
  public boolean has(String key) {
    return places.containsKey(key);
  }

  /**
   * {@return the same problem with file and line}
   *
   * @param problem what a conversion of the recipe threw
   */
  public RecipeException locate(KeyException problem) {
    return locate(problem.key(), problem.problem());
  }

  /** {@return the place of a key, or else of the nearest section around it} */
  static Place place(Map<String, Place> places, String key) {
    Place place = places.get(key);
    if (place != null) {
      return place;
    }
    int end = Math.max(key.lastIndexOf('.'), key.lastIndexOf('['));
    if (end > 0) {
      return place(places, key.substring(0, end));
    }
    return key.isEmpty() ? new Place("recipe", 0) : place(places, "");
  }
}

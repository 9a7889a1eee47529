package io.parq.cli.recipe;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** One reading of a recipe: what its relative paths start from, and the problems found so far. */
final class Reading {
  private record Problem(Place place, String text) {}

  private final Path folder;
  private final boolean checksFiles;
  private final List<Problem> problems = new ArrayList<>();
  private final Set<String> known = new HashSet<>();

  /**
   * Starts a reading.
   *
   * @param folder where relative paths of the recipe start
   * @param checksFiles whether files and folders to be read must exist
   */
  Reading(Path folder, boolean checksFiles) {
    this.folder = folder;
    this.checksFiles = checksFiles;
  }

  boolean checksFiles() {
    return checksFiles;
  }

  /** Paths in the recipe start at its folder, paths on the command line at the current one. */
  Path resolve(Place place, String path) {
    return place.isOverride() ? Path.of(path) : folder.resolve(path).normalize();
  }

  /** Reports a problem, unless one with the same key is known, of which it may be a consequence. */
  void problem(Place place, String key, String message) {
    if (!known.add(place.at(key))) {
      return;
    }
    String text = place.at(key) + ": " + message;
    problems.add(new Problem(place, text.replaceAll("\\p{Cntrl}+", " ")));
  }

  /** Throws what was found, if anything was. */
  void finish() {
    if (!problems.isEmpty()) {
      throw new RecipeException(
          problems.stream()
              .sorted(
                  Comparator.comparing((Problem problem) -> problem.place.isOverride())
                      .thenComparing(problem -> problem.place.line()))
              .map(Problem::text)
              .toList());
    }
  }
}

package io.parq.cli.recipe;

/**
 * Where something was said: a line of the recipe, or an override on the command line.
 *
 * @param file the recipe as the user named it; for an override the option
 * @param line counted from 1, or 0 where no line is to blame
 */
record Place(String file, int line) {
  private static final String OVERRIDE = "--set";

  static Place override() {
    return new Place(OVERRIDE, 0);
  }

  boolean isOverride() {
    return file.equals(OVERRIDE);
  }

  /** {@return place and key as messages begin: recipe.yaml:7: train.steps} */
  String at(String key) {
    if (isOverride()) {
      return OVERRIDE + " " + key;
    }
    String place = line == 0 ? file : file + ":" + line;
    return key.isEmpty() ? place : place + ": " + key;
  }
}

package io.parq.cli.recipe;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads recipes. All problems are found before anything runs and are reported together, each with
 * file, line, key, what was found and what was expected.
 */
public final class RecipeReader {
  private static final long LARGEST = 1_000_000;

  private RecipeReader() {}

  /**
   * Reads a file. Relative paths in it start at the file's folder, those in overrides at the
   * current folder; models and data must exist.
   *
   * @param file the recipe
   * @param overrides of single keys, such as {@code train.steps=100}; the last of several for a key
   *     counts
   * @return the recipe
   * @throws RecipeException if the recipe or an override is wrong
   * @throws IOException if the file cannot be read
   */
  public static RecipeFile read(Path file, List<String> overrides) throws IOException {
    Path absolute = file.toAbsolutePath().normalize();
    Path folder = absolute.getParent();
    Reading reading = new Reading(folder == null ? absolute : folder, true);
    return parse(text(file), file.toString(), reading, overrides);
  }

  /**
   * Reads text. Whether models and data exist is not checked.
   *
   * @param text YAML
   * @param name what messages call it
   * @param folder where relative paths start
   * @param overrides of single keys, such as {@code train.steps=100}
   * @return the recipe
   * @throws RecipeException if the recipe or an override is wrong
   */
  public static RecipeFile parse(String text, String name, Path folder, List<String> overrides) {
    return parse(text, name, new Reading(folder, false), overrides);
  }

  private static RecipeFile parse(
      String text, String name, Reading reading, List<String> overrides) {
    Node.Mapping written = YamlReader.document(text, name, reading);
    if (written == null) {
      reading.finish();
      throw new AssertionError("no recipe and no problem");
    }
    Node.Mapping mapping = written;
    for (String override : overrides) {
      mapping = Overrides.apply(mapping, override, reading);
    }
    Map<String, Place> places = new HashMap<>();
    places.put("", new Place(name, 0));
    collect(mapping, "", places);
    Node.Mapping whole = new Node.Mapping(new Place(name, 0), mapping.entries());
    Values values = Keys.RECIPE.read(whole, "", reading);
    if (values == null) {
      throw new AssertionError("a mapping was not read");
    }
    Recipe recipe = new Binder(reading, places).recipe(values);
    reading.finish();
    return new RecipeFile(recipe, places);
  }

  private static void collect(Node node, String path, Map<String, Place> places) {
    switch (node) {
      case Node.Mapping mapping ->
          mapping
              .entries()
              .forEach(
                  (name, value) -> {
                    String key = path.isEmpty() ? name : path + "." + name;
                    places.put(key, value.place());
                    collect(value, key, places);
                  });
      case Node.Sequence list -> {
        for (int i = 0; i < list.items().size(); i++) {
          String key = path + "[" + i + "]";
          places.put(key, list.items().get(i).place());
          collect(list.items().get(i), key, places);
        }
      }
      case Node.Scalar scalar -> {}
    }
  }

  private static String text(Path file) throws IOException {
    long size = Files.size(file);
    if (size > LARGEST) {
      throw new RecipeException(
          List.of("%s: %d bytes, expected at most %d".formatted(file, size, LARGEST)));
    }
    byte[] bytes = Files.readAllBytes(file);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new RecipeException(List.of(file + ": found bytes that are not text in UTF-8"));
    }
  }
}

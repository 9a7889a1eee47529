package io.parq.cli.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Holds docs/recipes.md to the code. */
class RecipeDocsTest {
  private static final Pattern BLOCK = Pattern.compile("(?ms)^```(\\w*)\n(.*?)^```$");

  private String document = "";

  @BeforeEach
  void readDocument() throws IOException {
    Path module = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
    document = Files.readString(module.resolveSibling("docs").resolve("recipes.md"));
  }

  @Test
  void theTableOfKeysIsThatOfTheCode() {
    List<String> rows = new ArrayList<>();
    rows.add("| key | default | takes | meaning |");
    rows.add("|---|---|---|---|");
    for (Keys.Entry entry : Keys.all()) {
      rows.add(row(entry));
    }
    assertTable(rows);
  }

  private static String row(Keys.Entry entry) {
    Key<?> key = entry.key();
    if (key.type() instanceof Section) {
      return "| **`%s`** | | | %s |".formatted(entry.path(), key.meaning());
    }
    return "| `%s` | %s | %s | %s%s |"
        .formatted(
            entry.path(),
            key.isRequired() ? "*required*" : "`" + key.text() + "`",
            key.type().expected().replace("*", "\\*"),
            key.meaning().replace("*", "\\*"),
            key.condition().isEmpty() ? "" : "; only with `" + key.condition() + "`");
  }

  @Test
  void theTableOfSchemesIsThatOfTheCode() {
    List<String> rows = new ArrayList<>();
    rows.add("| scheme | linear | embedding | activations |");
    rows.add("|---|---|---|---|");
    for (Scheme scheme : Scheme.values()) {
      rows.add(
          "| `%s` | %s | %s | %s |"
              .formatted(
                  Types.name(scheme),
                  scheme.linear(),
                  scheme.embedding() == null ? "-" : scheme.embedding(),
                  scheme.activations() == null ? "-" : Types.name(scheme.activations())));
    }
    assertTable(rows);
  }

  /** The document has exactly these rows under this header. */
  private void assertTable(List<String> rows) {
    List<String> lines = document.lines().toList();
    int start = lines.indexOf(rows.getFirst());
    assertTrue(start >= 0, "no table with the header " + rows.getFirst());
    List<String> found =
        lines.subList(start, lines.size()).stream()
            .takeWhile(line -> line.startsWith("|"))
            .toList();
    assertEquals(String.join("\n", rows), String.join("\n", found));
  }

  @Test
  void theExamplesAreRecipes() {
    List<String> examples = blocks("yaml");
    assertEquals(2, examples.size());
    for (String example : examples) {
      Recipe recipe = RecipeReader.parse(example, "recipe.yaml", Path.of(""), List.of()).recipe();
      assertTrue(recipe.qat().quantizesWeights());
    }
  }

  @Test
  void theErrorsAreWhatTheWrongRecipeGives() {
    List<String> texts = blocks("text");
    assertEquals(3, texts.size());
    String wrong = texts.get(0);
    try {
      RecipeReader.parse(wrong, "recipe.yaml", Path.of(""), List.of());
    } catch (RecipeException e) {
      assertEquals(
          texts.get(1).strip().replaceAll("\n {2,}", " "), String.join("\n", e.problems()));
      return;
    }
    throw new AssertionError("the wrong recipe is right");
  }

  private List<String> blocks(String language) {
    return BLOCK
        .matcher(document)
        .results()
        .filter(block -> block.group(1).equals(language))
        .map(block -> block.group(2))
        .toList();
  }
}

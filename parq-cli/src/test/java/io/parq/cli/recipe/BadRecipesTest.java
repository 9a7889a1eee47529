package io.parq.cli.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is said about wrong recipes, word by word. */
class BadRecipesTest {
  private static final String MINIMAL = "model: m\ndata: {train: t}\noutput: o\n";

  @TempDir private Path folder = Path.of("");

  static Stream<Arguments> wrongRecipes() throws IOException {
    String all;
    try (InputStream in = BadRecipesTest.class.getResourceAsStream("bad-recipes.txt")) {
      all = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    }
    List<Arguments> cases = new ArrayList<>();
    String[] parts = all.split("(?m)^## ", -1);
    for (int i = 1; i < parts.length; i++) {
      String part = parts[i];
      int name = part.indexOf('\n');
      int end = part.indexOf("\n--\n");
      String text = part.substring(name + 1, Math.max(name, end) + 1);
      cases.add(
          Arguments.of(
              part.substring(0, name),
              text.replace("<M>\n", MINIMAL).replace("<TAB>", "\t").replace("<NUL>", "\0"),
              part.substring(end + "\n--\n".length()).strip()));
    }
    assertTrue(cases.size() >= 100, cases.size() + " wrong recipes");
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("wrongRecipes")
  void allProblemsAreReported(String name, String text, String problems) {
    assertEquals(problems, problems(text));
  }

  @ParameterizedTest
  @MethodSource
  void overridesAreCheckedAlike(String override, String problem) {
    assertEquals(problem, problems(MINIMAL, override));
  }

  static Stream<Arguments> overridesAreCheckedAlike() {
    return Stream.of(
        Arguments.of("train.steps", "--set train.steps: expected KEY=VALUE"),
        Arguments.of("=5", "--set '=5': expected KEY=VALUE"),
        Arguments.of(
            "train.steps=",
            "--set train.steps: found nothing, expected a whole number, 1 to 1000000000, or none"),
        Arguments.of(
            "train.steps=lots",
            "--set train.steps: found 'lots', expected a whole number, 1 to 1000000000, or none"),
        Arguments.of(
            "qat.linear.bitz=3",
            "--set qat.linear.bitz: unknown key, expected one of bits, granularity, grid, scale;"
                + " did you mean bits?"),
        Arguments.of(
            "qat.linear={bits: 3, scale: fp17}",
            "--set qat.linear.scale: found 'fp17', expected one of fp32, bf16, fp16, e8m0, e4m3, or auto;"
                + " did you mean fp16?"),
        Arguments.of(
            "optimizer.betas=[0.9",
            "--set optimizer.betas: not valid YAML: expected ',' or ']', but got <stream end>,"
                + " while parsing a flow sequence from line 1"),
        Arguments.of(
            "model.new.hidden_size=8",
            "--set model.new.hidden_size: model is 'm' in line 1, expected a mapping"),
        Arguments.of(
            "output=m", "--set output: found the folder of the model itself, expected another"),
        Arguments.of(
            "..=1",
            "--set : unknown key, expected one of model, data, qat, optimizer, schedule, train,"
                + " target, output, metrics"));
  }

  @Test
  void missingFilesAreReported() throws IOException {
    Path file = Files.writeString(folder.resolve("r.yaml"), MINIMAL.replace("}", ", eval: e}"));
    Files.createFile(folder.resolve("o"));
    RecipeException e =
        assertThrows(
            RecipeException.class, () -> RecipeReader.read(file, List.of("data.eval=none")));
    assertEquals(
        List.of(
            file
                + ":1: model: "
                + folder.resolve("m")
                + ": no such folder; models are not downloaded, expected a Hugging Face folder, or"
                + " new: with a config",
            file + ":2: data.train: " + folder.resolve("t") + ": no such file, expected a file",
            file + ":3: output: " + folder.resolve("o") + ": a file is there, expected a folder"),
        e.problems());
  }

  @Test
  void hugeFilesAreRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("r.yaml"), "# ".repeat(600_000));
    assertEquals(
        file + ": 1200000 bytes, expected at most 1000000",
        assertThrows(RecipeException.class, () -> RecipeReader.read(file, List.of())).getMessage());
  }

  @Test
  void otherEncodingsAreRefused() throws IOException {
    Path file =
        Files.write(folder.resolve("r.yaml"), "model: ü\n".getBytes(StandardCharsets.ISO_8859_1));
    assertEquals(
        file + ": found bytes that are not text in UTF-8",
        assertThrows(RecipeException.class, () -> RecipeReader.read(file, List.of())).getMessage());
  }

  @Test
  void laterProblemsAreLocated() {
    RecipeFile file =
        RecipeReader.parse(
            """
            model:
              new:
                hidden_size: 100
            data: {train: t}
            output: o
            qat: {scheme: int4, prox: {anneal_end: 50}}
            """,
            "r.yaml",
            Path.of(""),
            List.of("train.epochs=3"));
    assertEquals(
        "r.yaml:3: model.new.hidden_size: found 100, expected a multiple of 64",
        file.locate("model.new.hidden_size", "found 100, expected a multiple of 64").getMessage());
    assertEquals(
        "r.yaml:2: model.new.vocab_size: missing",
        file.locate("model.new.vocab_size", "missing").getMessage());
    KeyException e = assertThrows(KeyException.class, () -> file.recipe().qat().prox().map(40));
    assertEquals(
        "r.yaml:6: qat.prox.anneal_end: found 50, expected before the last of 40 steps, or weights"
            + " end off their levels",
        file.locate(e).getMessage());
    assertEquals(
        "--set train.epochs: found 3.0, expected less",
        file.locate("train.epochs", "found 3.0, expected less").getMessage());
  }

  private static String problems(String text, String... overrides) {
    return assertThrows(
            RecipeException.class,
            () -> RecipeReader.parse(text, "r.yaml", Path.of(""), List.of(overrides)))
        .getMessage();
  }
}

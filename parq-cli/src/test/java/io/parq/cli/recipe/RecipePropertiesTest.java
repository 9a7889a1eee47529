package io.parq.cli.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.StringLength;

/** Random recipes read back as they were printed; random texts give a recipe or a located error. */
class RecipePropertiesTest {

  private static Recipe parse(String text, String... overrides) {
    return RecipeReader.parse(text, "r.yaml", Path.of(""), List.of(overrides)).recipe();
  }

  @Property(tries = 500)
  void validRecipesPrintAndReadBack(@ForAll long seed) {
    String text = new RandomRecipe(new Random(seed)).text();
    Recipe recipe = parse(text);
    assertEquals(recipe, parse(recipe.toYaml()), text);
    assertEquals(recipe, parse(recipe.toCommentedYaml()), text);
  }

  @Property(tries = 1000)
  void anyTextGivesARecipeOrLocatedProblems(@ForAll @StringLength(max = 200) String text) {
    recipeOrProblems(text);
  }

  @Property(tries = 1000)
  void textOfYamlsOwnCharactersDoesToo(@ForAll long seed) {
    Random random = new Random(seed);
    String[] pieces = {
      "model",
      "data",
      "qat",
      "train",
      ": ",
      ":",
      "\n",
      "\n  ",
      "\n    ",
      "- ",
      "{",
      "}",
      "[",
      "]",
      ", ",
      "\"",
      "'",
      "|",
      ">",
      "&a ",
      "*a",
      "!!str ",
      "!",
      "#",
      "%",
      "@",
      "?",
      "? ",
      "---\n",
      "...\n",
      "<<: ",
      "~",
      "\t",
      "\\",
      "1",
      "0.5",
      "new",
      "linear",
      "\u0085",
      "\u2028",
      "\ufeff",
      "\r\n",
      "\ud83d\ude00"
    };
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(40); i >= 0; i--) {
      text.append(pieces[random.nextInt(pieces.length)]);
    }
    recipeOrProblems(text.toString());
  }

  @Property(tries = 1000)
  void damagedRecipesDoToo(@ForAll long seed, @ForAll @IntRange(min = 1, max = 5) int changes) {
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder(new RandomRecipe(random).text());
    for (int i = 0; i < changes && text.length() > 1; i++) {
      int at = random.nextInt(text.length());
      switch (random.nextInt(5)) {
        case 0 -> text.deleteCharAt(at);
        case 1 -> text.insert(at, (char) random.nextInt(1 << random.nextInt(1, 17)));
        case 2 -> text.setCharAt(at, (char) (' ' + random.nextInt(95)));
        case 3 -> text.delete(at, Math.min(text.length(), at + random.nextInt(30)));
        default -> text.insert(at, text.substring(at, Math.min(text.length(), at + 30)));
      }
    }
    recipeOrProblems(text.toString());
  }

  @Example
  void anEscapeAtTheEndIsAProblem() {
    recipeOrProblems("output: \"\\x");
  }

  @Property(tries = 500)
  void anyOverrideGivesARecipeOrProblemsOfIt(
      @ForAll @StringLength(max = 40) String value, @ForAll long seed) {
    Random random = new Random(seed);
    List<Keys.Entry> keys = Keys.all();
    String key = keys.get(random.nextInt(keys.size())).path();
    try {
      parse("model: m\ndata: {train: t}\noutput: o\n", key + "=" + value);
    } catch (RecipeException e) {
      assertTrue(
          e.problems().stream().allMatch(problem -> problem.startsWith("--set ")), e.getMessage());
    }
  }

  @Example
  void veryDeepAndVeryWideTextIsRefused() {
    for (String piece : List.of("[", "{", "{a: ", "- ", "? ", "a: {")) {
      recipeOrProblems(piece.repeat(20_000));
    }
    recipeOrProblems("a: 1\n".repeat(20_000));
    recipeOrProblems("a".repeat(100_000) + ": 1\n");
  }

  private static void recipeOrProblems(String text) {
    List<String> problems = new ArrayList<>();
    try {
      Recipe recipe = parse(text);
      assertEquals(recipe, parse(recipe.toYaml()), text);
      return;
    } catch (RecipeException e) {
      problems.addAll(e.problems());
    }
    assertFalse(problems.isEmpty());
    for (String problem : problems) {
      assertTrue(problem.matches("(?s)r\\.yaml(:\\d+)?: .+"), problem);
    }
  }

  /** A valid recipe with a random choice of keys. */
  private record RandomRecipe(Random random) {
    private static final List<String> GRIDS =
        List.of(
            "bits: none",
            "bits: 1",
            "bits: 3",
            "bits: 8",
            "bits: 4, grid: symmetric",
            "bits: 3, grid: asymmetric-uniform",
            "bits: 2, grid: lsbq-optimal",
            "bits: 2, grid: stretched+centred",
            "bits: 5, grid: symmetric+error-optimal",
            "grid: nf4",
            "grid: ternary",
            "grid: clipped:4:mean:0.5:0.5",
            "grid: lsbq-simple-ternary:1.1");

    private String one(String... values) {
      return values[random.nextInt(values.length)];
    }

    private String weights() {
      return GRIDS.get(random.nextInt(GRIDS.size()))
          + ", granularity: "
          + one("per-row", "per-tensor", "group:32", "group:7")
          + one("", ", scale: auto", ", scale: fp32", ", scale: fp16", ", scale: e8m0");
    }

    /** Each of the lines with the chance of one half. */
    private String some(String... lines) {
      StringBuilder text = new StringBuilder();
      for (String line : lines) {
        if (random.nextBoolean()) {
          text.append("  ").append(line).append('\n');
        }
      }
      return text.toString();
    }

    private String section(String name, String content) {
      return content.isEmpty() ? "" : name + ":\n" + content;
    }

    String text() {
      String model =
          one(
              "model: ./some/model",
              "model: \"a: b # \\u00fc\"",
              "model: 'none'",
              "model: {new: {hidden_size: 64, eps: 1e-6, list: [1, a, null, 2.5, {x: \"1\"}], \"a:"
                  + " b\": true}}",
              "model: {new: {vocab_size: 300}, tokenizer: tokenizer.json}");
      String qat =
          "qat:\n  scheme: "
              + one("none", "int4", "int2", "ternary", "int8-int4", "fp8-int4", "int8")
              + "\n"
              + some(
                  "linear: {" + weights() + "}",
                  "embedding: {" + weights() + "}",
                  "filters: [{name: \"*.a.*\", " + weights() + "}, {name: b, " + weights() + "}]",
                  "activations: " + one("none", "int8-sym-per-token", "fp8_e4m3_per_tensor"),
                  "prox: "
                      + one(
                          "{map: hard}",
                          "{map: parq, anneal_start: 0.125, anneal_end: 0.9, steepness: 1e-3}",
                          "{anneal_start: 0, anneal_end: 3, anneal_center: 1}",
                          "{map: binary-relax, anneal_end: 0.01}",
                          "{map: soft-quant, t_start: 2, t_end: 1e10, t_power: 0.1}"),
                  "warmup_steps: " + one("0", "3", "0.3"),
                  "quant_period: 7",
                  "quant_shrink: true",
                  "anneal_wd_frac: 0.75");
      return String.join(
          "",
          model + "\n",
          "data:\n  train: \"t.txt\"\n",
          some(
              "eval: " + one("none", "e.jsonl", "\"none\""), "sequence_length: 17", "format: chat"),
          random.nextInt(4) == 0 ? "" : qat,
          section(
              "optimizer",
              one(
                  "  name: sgd\n" + some("momentum: 0.9", "lr: 0", "moments: blockwise_8bit"),
                  "  name: adam\n" + some("betas: [0, 0.5]", "eps: 1e-12", "moments: bf16"),
                  some("lr: 5e-324", "weight_decay: 1.7976931348623157e308", "betas: [0.1, 0.2]"))),
          section(
              "schedule",
              one(
                  "  name: constant\n" + some("warmup: 5"),
                  "  name: wsd\n" + some("decay: 0.5", "min_factor: 1"),
                  some("name: linear", "warmup: 0.1", "min_factor: 0.01"))),
          section(
              "train",
              some(
                  one("steps: 600", "epochs: 1e-3", "epochs: 12"),
                  "batch_size: 3",
                  "gradient_accumulation: 2",
                  "clip_norm: " + one("none", "0.1"),
                  "eval_every: " + one("0", "5", "0.123456789"),
                  "checkpoint_every: 1.0",
                  "keep: 1",
                  "seed: " + random.nextInt(Integer.MAX_VALUE),
                  "threads: " + one("auto", "3"),
                  "on_non_finite: skip")),
          "output: \"o/\\x41\"\n",
          one("", "target: parq\n"),
          section("metrics", some("csv: false", "jsonl: true", "tensorboard: true")));
    }
  }
}

package io.parq.cli.recipe;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.optim.LrSchedule;
import io.parq.optim.Moments;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.Parameter.Kind;
import io.parq.optim.ProxMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Right recipes: what they become. */
class RecipeTest {
  private static final String MINIMAL = "model: m\ndata: {train: t}\noutput: o\n";

  @TempDir private Path folder = Path.of("");

  private static Recipe recipe(String text, String... overrides) {
    return RecipeReader.parse(text, "r.yaml", Path.of(""), List.of(overrides)).recipe();
  }

  private static Qat qat(String text) {
    return recipe(MINIMAL + "qat: " + text + "\n").qat();
  }

  @Test
  void defaultsPrintAndReadBack() {
    Recipe defaults = Recipe.defaults();
    assertEquals(defaults, recipe(defaults.toYaml()));
    assertEquals(defaults, recipe(defaults.toCommentedYaml()));
    assertEquals(defaults, recipe("model: model\ndata: {train: train.txt}\noutput: out\n"));
  }

  @Test
  void printedDefaultsShowAndExplainEveryKey() {
    String printed = Recipe.defaults().toCommentedYaml();
    String flowing = printed.replaceAll("\n *#   ", " ");
    for (Keys.Entry entry : Keys.all()) {
      Key<?> key = entry.key();
      boolean section = Keys.inner(key) != null && key != Keys.MODEL && key != Keys.FILTERS;
      String line = key.name() + ":" + (section ? "" : " " + key.text());
      assertTrue(
          printed.lines().anyMatch(l -> l.replaceFirst("^ *#? *(- )?", "").equals(line)),
          entry.path() + " lacks the line " + line);
      assertTrue(flowing.contains("# " + key.meaning()), entry.path() + " lacks its meaning");
    }
    assertTrue(printed.lines().allMatch(line -> line.length() <= 100), printed);
  }

  @Test
  void everyCommentedKeyCanBeUncommented() {
    String printed = Recipe.defaults().toCommentedYaml();
    String withMomentum =
        printed
            .replace("name: adamw", "name: sgd")
            .replace("  betas:", "  #betas:")
            .replace("  eps:", "  #eps:")
            .replace("#momentum: 0.0", "momentum: 0.5");
    assertEquals(0.5, recipe(withMomentum).optimizer().momentum());
    String withBits =
        printed.replace("#linear:", "linear:").replaceFirst("  #  bits: none", "    bits: 3");
    assertEquals(QuantConfig.parse("stretched:3 per-row bf16"), recipe(withBits).qat().linear());
  }

  @ParameterizedTest
  @EnumSource
  void schemesOverrideNothingThatIsSpelledOut(Scheme scheme) {
    String name = Types.name(scheme);
    Qat alone = qat("{scheme: " + name + "}");
    assertEquals(scheme.linear(), alone.linear());
    assertEquals(scheme.embedding(), alone.embedding());
    assertEquals(scheme.activations(), alone.activations());
    Qat changed =
        qat(
            "{scheme: %s, linear: {scale: fp32}, embedding: {bits: none}, activations: none}"
                .formatted(name));
    assertEquals(scheme.linear().withScaleType(io.parq.grids.ScaleType.FP32), changed.linear());
    assertNull(changed.embedding());
    assertNull(changed.activations());
  }

  @Test
  void otherBitsThanTheSchemesTakeTheirOwnGrid() {
    Qat qat = qat("{scheme: int8-int4, linear: {bits: 2}, embedding: {grid: asymmetric}}");
    assertEquals(QuantConfig.parse("stretched:2 group:32 bf16"), qat.linear());
    assertEquals(QuantConfig.parse("asymmetric:8 per-row bf16"), qat.embedding());
    assertEquals(ActivationQuantization.INT8_ASYM_PER_TOKEN, qat.activations());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "bits: 3                                   | stretched:3 per-row bf16",
        "bits: 4, granularity: group:64            | symmetric:4 group:64 bf16",
        "bits: 3, grid: symmetric, scale: fp16     | symmetric:3 per-row fp16",
        "bits: 2, grid: stretched+error-optimal    | stretched:2+error-optimal per-row bf16",
        "grid: ternary                             | ternary per-row bf16",
        "bits: 2, grid: ternary                    | ternary per-row bf16",
        "grid: 'nf4', granularity: per-tensor      | nf4 per-tensor bf16",
        "grid: clipped:3:max:1.0:0.0, scale: fp32  | clipped:3:max:1.0:0.0 per-row fp32",
        "bits: 8, grid: auto                       | symmetric:8 per-row bf16",
      })
  void weights(String keys, String config) {
    assertEquals(QuantConfig.parse(config), qat("{linear: {" + keys + "}}").linear());
  }

  @Test
  void filtersComeFirstAndNeverOverlap() {
    Recipe recipe =
        recipe(
            MINIMAL
                + """
                qat:
                  scheme: int2
                  filters:
                    - {name: "*.down.*", bits: 4}
                    - {name: "*.layers.0.*", bits: 3}
                    - {name: "head.*", bits: none}
                """);
    List<ParamGroup> groups =
        ParamGroup.assign(
            List.of(
                parameter("m.layers.0.up.weight", Kind.LINEAR),
                parameter("m.layers.0.down.weight", Kind.LINEAR),
                parameter("m.layers.1.up.weight", Kind.LINEAR),
                parameter("m.layers.0.norm.weight", Kind.NORM),
                parameter("m.layers.0.up.bias", Kind.BIAS),
                parameter("m.embed.weight", Kind.EMBEDDING),
                parameter("head.weight", Kind.LINEAR)),
            recipe.qat().configs());
    Map<String, String> found = new TreeMap<>();
    for (ParamGroup group : groups) {
      QuantConfig config = group.config();
      group
          .parameters()
          .forEach(p -> found.put(p.name(), config == null ? "none" : config.grid().spec()));
    }
    assertEquals(
        new TreeMap<>(
            Map.of(
                "m.layers.0.up.weight", "stretched:3",
                "m.layers.0.down.weight", "symmetric:4",
                "m.layers.1.up.weight", "stretched:2",
                "m.layers.0.norm.weight", "none",
                "m.layers.0.up.bias", "none",
                "m.embed.weight", "symmetric:4",
                "head.weight", "none")),
        found);
  }

  private static Parameter parameter(String name, Kind kind) {
    return Parameter.of(name, kind, new float[16], new float[16], 4, 4);
  }

  @Test
  void nothingIsQuantizedWithoutQat() {
    assertFalse(recipe(MINIMAL).qat().quantizesWeights());
    assertFalse(qat("{linear: {bits: none}, prox: {map: hard}}").quantizesWeights());
    assertTrue(qat("{scheme: ternary}").quantizesWeights());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "map: hard                                           | 600 | hard",
        "anneal_start: 0.1, anneal_end: 0.4                  | 600 | parq:60:240:10.0:0.5",
        "anneal_start: 10, anneal_end: 0.5, steepness: 3     | 600 | parq:10:300:3.0:0.5",
        "anneal_end: 1.0, anneal_center: 0.25                | 600 | parq:0:599:10.0:0.25",
        "map: binary-relax, anneal_start: 0.1                | 600 | binary-relax:60:240",
        "map: soft_quant, t_end: 50, t_power: 2              | 600 | soft-quant:0:240:1.0:50.0:2.0",
        "anneal_start: 0.1, anneal_end: 0.4                  | 2   | parq:0:1:10.0:0.5",
        "anneal_start: 0.1, anneal_end: 0.4                  | 1   | hard",
      })
  void proximalMaps(String keys, long steps, String map) {
    Prox prox = qat("{scheme: int4, prox: {" + keys + "}}").prox();
    assertEquals(ProxMap.parse(map), prox.map(steps));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 7, 10, 100, 12_345})
  void windowsThatAreFractionsEndBeforeTheLastStep(long steps) {
    for (double end : new double[] {1e-9, 0.1, 0.5, 0.999, 1.0}) {
      Prox prox = qat("{scheme: int4, prox: {anneal_end: %.9f}}".formatted(end)).prox();
      assertTrue(prox.map(steps).annealEnd() <= steps - 1, () -> "end " + end);
    }
  }

  @Test
  void schedules() {
    assertAll(
        () ->
            assertEquals(
                LrSchedule.linearWarmup(30, LrSchedule.cosine(570, 0.0)), schedule("", 600)),
        () ->
            assertEquals(LrSchedule.cosine(600, 0.1), schedule("warmup: 0, min_factor: 0.1", 600)),
        () ->
            assertEquals(LrSchedule.wsd(60, 0, 540, 0), schedule("name: linear, warmup: 60", 600)),
        () -> assertEquals(LrSchedule.constant(), schedule("name: constant, warmup: 0.0", 600)),
        () ->
            assertEquals(
                LrSchedule.linearWarmup(5, LrSchedule.constant()),
                schedule("name: constant, warmup: 5", 600)),
        () ->
            assertEquals(
                LrSchedule.wsd(30, 450, 120, 0.5), schedule("name: wsd, min_factor: 0.5", 600)),
        () ->
            assertEquals(
                LrSchedule.wsd(2, 0, 1, 0), schedule("name: wsd, warmup: 0.5, decay: 0.5", 3)),
        () -> assertEquals(LrSchedule.cosine(1, 0), schedule("", 1)));
  }

  private static LrSchedule schedule(String keys, long steps) {
    return recipe(MINIMAL + "schedule: {" + keys + "}").schedule().schedule(steps);
  }

  @Test
  void stepsAreCountsOrFractions() {
    assertEquals(1, new Steps(1, false).of(600));
    assertEquals(600, new Steps(1, true).of(600));
    assertEquals(Steps.parse("0.25"), new Steps(0.25, true));
    assertEquals(Steps.parse("1e-1"), new Steps(0.1, true));
    assertEquals(1, new Steps(0.01, true).period(10));
    assertEquals(0, new Steps(0, true).period(10));
    assertNull(Steps.parse("1e3"));
    assertNull(Steps.parse("1.01"));
    assertThrows(IllegalArgumentException.class, () -> new Steps(2, true));
    assertThrows(IllegalArgumentException.class, () -> new Steps(-1, false));
  }

  @Test
  void lengthInStepsOrEpochs() {
    assertEquals(40, recipe(MINIMAL).train().totalSteps(40));
    assertEquals(100, recipe(MINIMAL + "train: {epochs: 2.5}").train().totalSteps(40));
    assertEquals(1, recipe(MINIMAL + "train: {epochs: 0.001}").train().totalSteps(40));
    assertEquals(7, recipe(MINIMAL + "train: {steps: 7}").train().totalSteps(40));
    Recipe shortened = recipe(MINIMAL + "train: {epochs: 2.5}", "train.steps=7");
    assertEquals(7L, shortened.train().steps());
    assertNull(shortened.train().epochs());
    assertEquals(3.0, recipe(MINIMAL + "train: {steps: 9}", "train.epochs=3").train().epochs());
  }

  @Test
  void overridesReplaceSingleKeys() {
    Recipe recipe =
        recipe(
            MINIMAL + "qat: {linear: {bits: 4, scale: fp16}}\n",
            "qat.linear.bits=3",
            "optimizer.betas=[0.9, 0.95]",
            "data.eval=a b: #c.txt",
            "train.steps=10",
            "train.steps = 20");
    assertEquals(QuantConfig.parse("stretched:3 per-row fp16"), recipe.qat().linear());
    assertEquals(0.95, recipe.optimizer().beta2());
    assertEquals(Path.of("a b: #c.txt"), recipe.data().eval());
    assertEquals(20L, recipe.train().steps());
  }

  @Test
  void newModelsKeepTheirConfigAsItIs() {
    Recipe recipe =
        recipe(
            """
            model:
              new:
                model_type: llama
                hidden_size: 256
                rms_norm_eps: 1e-6
                rope_theta: 10000.0
                tie_word_embeddings: true
                rope_scaling: null
                version: "1"
                layer_types: [full_attention, full_attention]
              tokenizer: bytes
            data: {train: t}
            output: o
            """);
    Recipe.Model.New model = (Recipe.Model.New) recipe.model();
    assertNull(model.tokenizer());
    assertEquals(
        List.of("llama", 256L, 1e-6, 10000.0, true, "1"),
        List.of(
                "model_type",
                "hidden_size",
                "rms_norm_eps",
                "rope_theta",
                "tie_word_embeddings",
                "version")
            .stream()
            .map(model.config()::get)
            .toList());
    assertTrue(model.config().containsKey("rope_scaling"));
    assertEquals(
        """
        {"model_type": "llama", "hidden_size": 256, "rms_norm_eps": 1.0E-6, "rope_theta": 10000.0, \
        "tie_word_embeddings": true, "rope_scaling": null, "version": "1", \
        "layer_types": ["full_attention", "full_attention"]}\
        """,
        model.json());
    assertEquals(recipe, recipe(recipe.toYaml()));
  }

  @Test
  void pathsStartAtTheRecipe() throws IOException {
    Path recipes = Files.createDirectories(folder.resolve("a/recipes"));
    Files.createDirectories(folder.resolve("a/model"));
    Files.createFile(folder.resolve("a/t.txt"));
    Path file =
        Files.writeString(
            recipes.resolve("r.yaml"), "model: ../model\ndata: {train: ../t.txt}\noutput: out\n");
    Recipe recipe = RecipeReader.read(file, List.of("output=here")).recipe();
    assertEquals(new Recipe.Model.Folder(folder.resolve("a/model")), recipe.model());
    assertEquals(folder.resolve("a/t.txt"), recipe.data().train());
    assertEquals(Path.of("here"), recipe.output());
    assertEquals(recipes.resolve("out"), RecipeReader.read(file, List.of()).recipe().output());
  }

  @ParameterizedTest
  @CsvSource({"adamw, fp32", "adamw, bf16", "adam, blockwise-8bit", "sgd, bf16"})
  void moments(String name, String moments) {
    String optimizer = "optimizer: {name: %s, moments: %s}".formatted(name, moments);
    Recipe recipe = recipe(MINIMAL + optimizer);
    List<ParamGroup> groups = List.of(new ParamGroup(List.of(parameter("w", Kind.LINEAR)), null));
    Moments expected = Moments.valueOf(moments.toUpperCase(Locale.ROOT).replace('-', '_'));
    assertEquals(expected, recipe.optimizer().moments());
    String built = recipe.optimizer().over(groups).toString();
    assertEquals(expected != Moments.FP32, built.contains("moments="), built);
  }

  @ParameterizedTest
  @CsvSource({"adamw, AdamW", "adam, Adam", "sgd, Sgd"})
  void optimizers(String name, String type) {
    Recipe recipe = recipe(MINIMAL + "optimizer: {name: %s, lr: 0.5}".formatted(name));
    List<ParamGroup> groups = List.of(new ParamGroup(List.of(parameter("w", Kind.LINEAR)), null));
    assertEquals(type, recipe.optimizer().over(groups).getClass().getSimpleName());
    assertEquals(0.5, groups.getFirst().learningRate());
  }
}

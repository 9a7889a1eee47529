package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.parq.cli.recipe.RecipeException;
import io.parq.cli.recipe.RecipeFile;
import io.parq.cli.recipe.RecipeReader;
import io.parq.export.model.Family;
import io.parq.export.torchao.TorchaoTarget;
import io.parq.export.torchao.TorchaoWriter;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.Parameter.Kind;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Recipes against the parameters of a model and what a target holds. */
class RecipeCheckTest {
  /** Holds 4 bits in rows of whole groups of 32, in 4.5 bits, and 8 bits in 8.5. */
  private static final Target GROUPS =
      new Target() {
        @Override
        public String name() {
          return "groups";
        }

        @Override
        public Holding holding(QuantConfig config, long... shape) {
          if (config.bits() != 4 && config.bits() != 8) {
            return new Refused(config.bits() + " bits, expected 4 or 8");
          }
          return shape[1] % 32 == 0
              ? new Exact("G" + config.bits(), config.bits() + 0.5)
              : new Refused(shape[1] + " columns, expected a multiple of 32");
        }

        @Override
        public ScaleType scaleType(Grid grid, Granularity granularity) {
          return ScaleType.FP16;
        }
      };

  private static final List<Parameter> PARAMETERS =
      List.of(
          parameter("embed.weight", Kind.EMBEDDING, 10, 32),
          parameter("a.up.weight", Kind.LINEAR, 48, 32),
          parameter("a.down.weight", Kind.LINEAR, 32, 48),
          parameter("a.norm.weight", Kind.NORM, 1, 32),
          parameter("b.up.weight", Kind.LINEAR, 64, 32),
          parameter("b.down.weight", Kind.LINEAR, 32, 64));

  private static Parameter parameter(String name, Kind kind, int rows, int columns) {
    int size = rows * columns;
    return Parameter.of(name, kind, new float[size], new float[size], rows, columns);
  }

  private static List<ParamGroup> groups(RecipeFile file) {
    return ParamGroup.assign(PARAMETERS, file.recipe().qat().configs());
  }

  private static RecipeFile recipe(String qat, String... overrides) {
    String text = "model: m\ndata: {train: t}\noutput: o\nqat:\n" + qat;
    return RecipeReader.parse(text, "r.yaml", Path.of(""), List.of(overrides));
  }

  private static String problems(RecipeFile file) {
    return assertThrows(
            RecipeException.class, () -> RecipeCheck.run(file, groups(file), GROUPS, Family.LLAMA))
        .getMessage();
  }

  @Test
  void allRefusalsComeAtOnceWithTheirLines() {
    RecipeFile file =
        recipe(
            """
              linear: {bits: 4, scale: fp16}
              embedding: {bits: 3}
              filters:
                - {name: "b.down.*", bits: 8}
                - {name: "b.up.*", bits: 2, scale: bf16}
            """);
    assertEquals(
        """
        r.yaml:9: qat.filters[1]: target groups cannot hold b.up.weight [64, 32] as \
        stretched:2 per-row bf16: 2 bits, expected 4 or 8
        r.yaml:5: qat.linear: target groups cannot hold a.down.weight [32, 48] as \
        symmetric:4 per-row fp16: 48 columns, expected a multiple of 32
        r.yaml:6: qat.embedding: target groups cannot hold embed.weight [10, 32] as \
        stretched:3 per-row bf16: 3 bits, expected 4 or 8
        """
            .lines()
            .sorted()
            .toList(),
        problems(file).lines().sorted().toList());
  }

  @Test
  void schemesAndOverridesAreTheirPlaces() {
    RecipeFile file = recipe("  scheme: int3\n  linear: {bits: none}\n", "qat.embedding.bits=5");
    assertEquals(
        "--set qat.embedding: target groups cannot hold embed.weight [10, 32] as symmetric:5"
            + " per-row bf16: 5 bits, expected 4 or 8",
        problems(file));
    RecipeFile scheme = recipe("  scheme: int2\n  filters: [{name: '*.down.*', bits: 8}]\n");
    assertEquals(
        List.of(
            "r.yaml:5: qat.scheme: target groups cannot hold a.up.weight [48, 32] as stretched:2"
                + " per-row bf16: 2 bits, expected 4 or 8",
            "r.yaml:5: qat.scheme: target groups cannot hold b.up.weight [64, 32] as stretched:2"
                + " per-row bf16: 2 bits, expected 4 or 8",
            "r.yaml:6: qat.filters[0]: target groups cannot hold a.down.weight [32, 48] as"
                + " symmetric:8 per-row bf16: 48 columns, expected a multiple of 32"),
        problems(scheme).lines().sorted().toList());
  }

  @Test
  void filtersThatChooseNothingAreErrors() {
    RecipeFile file =
        recipe(
            """
              embedding: {bits: 4}
              filters:
                - {name: "*.up.weight", bits: 4}
                - {name: "c.*", bits: 4}
                - {name: "*norm*", bits: 4}
                - {name: "a.up.*", bits: none}
                - {name: "lm_head.*", bits: none}
                - {name: "*.down.weight", bits: none}
            """);
    assertEquals(
        """
        r.yaml:8: qat.filters[1].name: found 'c.*', which is the name of no parameter, expected \
        one such as b.down.weight
        r.yaml:9: qat.filters[2].name: found '*norm*', which names norms and biases only, expected \
        weights: others are not quantized
        r.yaml:10: qat.filters[3].name: found 'a.up.*', of which filters before it choose all, \
        expected it before them
        r.yaml:11: qat.filters[4].name: found 'lm_head.*', which is the name of no parameter, \
        expected another: the head is tied to the embedding, embed.weight
        """,
        problems(file) + "\n");
  }

  @Test
  void activationsNeedALinearLayer() {
    RecipeFile file = recipe("  embedding: {bits: 4}\n  activations: int8-asym-per-token\n");
    assertEquals(
        "r.yaml:6: qat.activations: found int8-asym-per-token without linear layers whose weights"
            + " are quantized, expected some",
        problems(file));
  }

  /** Before training, not when the trained model is written. */
  @Test
  void quantizedEmbeddingsOfGemmaAreNotForTorchao() {
    RecipeFile file = recipe("  linear: {bits: 4}\n  embedding: {bits: 4}\n");
    Target torchao = new TorchaoTarget();
    String message =
        assertThrows(
                RecipeException.class,
                () -> RecipeCheck.run(file, groups(file), torchao, Family.GEMMA3))
            .getMessage();
    assertEquals(
        "r.yaml:6: qat.embedding: embed.weight: " + TorchaoWriter.GEMMA3_EMBEDDING, message);
    RecipeCheck.run(file, groups(file), torchao, Family.LLAMA);
    RecipeFile embedding = recipe("  embedding: {bits: 4}\n");
    RecipeCheck.run(embedding, groups(embedding), GROUPS, Family.GEMMA3);
    RecipeFile linear = recipe("  linear: {bits: 4}\n");
    RecipeCheck.run(linear, groups(linear), torchao, Family.GEMMA3);
  }

  @Test
  void groupsShowWhatTheTargetMakesOfThem() {
    RecipeFile file =
        recipe(
            """
              linear: {bits: 4}
              embedding: {bits: 8}
              filters: [{name: a.down.weight, bits: none}]
            """);
    RecipeCheck.run(file, groups(file), GROUPS, Family.LLAMA);
    StringWriter text = new StringWriter();
    GroupReport.print(groups(file), GROUPS, new PrintWriter(text, true));
    List<String> lines = text.toString().lines().map(line -> line.replaceAll(" +", " ")).toList();
    assertEquals(
        List.of(
            "symmetric:8 per-row bf16 1 parameters 320 weights 8.500 bits as G8 embed.weight",
            "symmetric:4 per-row bf16 3 parameters 5,632 weights 4.500 bits as G4 a.up.weight",
            "not quantized 2 parameters 1,568 weights 32.000 bits as floats a.down.weight",
            "7,520 weights, 30.1 KB as float32, 9780 B as groups"),
        lines);
  }
}

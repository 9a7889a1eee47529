package io.parq.benchmarks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.export.formats.Formats;
import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The runner on tiny models: every row runs and checks its result; times are not looked at. */
class BenchTest {
  private static final Model SMALL = new Model("smaller", Model.TINY.shapes().subList(0, 8));

  @TempDir private Path folder = Path.of("");

  @Test
  void everyRowIsMeasuredAndChecked() {
    List<Row> heard = new ArrayList<>();
    Bench.Options options = new Bench.Options(2, 1, 0, true, Model.TINY, SMALL);
    List<Row> rows = Bench.run(options, heard::add);
    assertEquals(heard, rows);
    assertEquals(Subject.all(options).size(), rows.size());
    Set<String> names = new HashSet<>();
    for (Row row : rows) {
      assertTrue(names.add(row.model() + row.section() + row.name()), row + " twice");
      assertTrue(row.nanos() > 0 && row.toBaseline() > 0 && row.toAdamW() > 0, row.toString());
      assertEquals(row.toBaseline(), row.median(), 1e-9, "of one round, " + row);
      assertEquals(row.model().equals("tiny"), row.toCopy() > 0, row.toString());
      assertTrue(row.allocated() >= 0, row.toString());
    }
    long steps = rows.stream().filter(row -> row.section().equals(Section.STEP.title())).count();
    assertEquals(2 * 3 * 3 * 5 + 3, steps, "maps x granularities x bits on both, and LSBQ");
  }

  @Test
  void theShortFormIsAPartOfTheFullOne() {
    Bench.Options full = new Bench.Options(2, 1, 0, true, Model.TINY, SMALL);
    Bench.Options brief = new Bench.Options(2, 1, 0, false, Model.TINY, SMALL);
    List<String> fullNames = Subject.all(full).stream().map(BenchTest::name).toList();
    List<String> names = Subject.all(brief).stream().map(BenchTest::name).toList();
    assertTrue(fullNames.containsAll(names));
    assertTrue(names.size() < fullNames.size());
    assertEquals(names.size(), new HashSet<>(names).size(), names.toString());
  }

  private static String name(Subject subject) {
    return subject.model().name() + " " + subject.section() + " " + subject.name();
  }

  private static Row row(String name, double nanos, double toCopy) {
    return new Row(
        "large", Section.ADAMW.title(), name, 10, 280, 7, nanos, 1.25, 1.5, 1.25, toCopy, 0);
  }

  @Test
  void tablesArePlainOrMarkdown() {
    List<Row> rows = List.of(row("AdamW", 100, 1.5), row("other", 200, Double.NaN));
    Reference.Report theirs =
        new Reference.Report(
            Map.of("torch", "2.10.0"),
            List.of(
                new Reference.Row("large", "AdamW, fused", "AdamW", 5, 400, 1, 1),
                new Reference.Row("large", "hard", "nothing of ours", 5, 400, 1, 1)));
    assertEquals(
        """

        | large model, AdamW, nothing quantized | to AdamW | median | to copy limit | bytes allocated |
        |---|---|---|---|---|
        | AdamW | 1.25 | 1.50 | 1.50 | 0 |
        | other | 1.25 | 1.50 |  | 0 |
        - torch: 2.10.0

        | large model, beside PyTorch | parq to AdamW | theirs to fused | theirs to parq |
        |---|---|---|---|
        | AdamW, fused | 1.25 | 1.00 | 4.00 |
        """,
        print(true, rows, theirs));
    String plain = print(false, rows, theirs);
    assertTrue(plain.contains("\nAdamW                                            1.25"), plain);
  }

  private static String print(boolean markdown, List<Row> rows, Reference.Report theirs) {
    StringWriter text = new StringWriter();
    BenchTable table = new BenchTable(new PrintWriter(text), markdown);
    rows.forEach(table);
    table.beside(rows, theirs);
    return text.toString().replace(System.lineSeparator(), "\n");
  }

  @Test
  void resultsAreWrittenAsJson() throws IOException {
    Path file = folder.resolve("bench.json");
    new Results(Machine.describe(2), List.of(row("AdamW", 100, Double.NaN)), null).write(file);
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    assertEquals(100, json.at("/rows/0/nanos").asDouble());
    assertTrue(json.at("/machine/processor").asText().contains("2 of "), json.toString());
    assertTrue(json.at("/reference").isNull());
  }

  @Test
  void theReferencesScriptIsCarried() throws IOException {
    Path script = Path.of("..", "reference", "bench_step.py");
    try (InputStream carried = Reference.class.getResourceAsStream("bench_step.py")) {
      assertNotNull(carried);
      assertArrayEquals(Files.readAllBytes(script), carried.readAllBytes());
    }
    assertThrows(IOException.class, () -> Reference.run("no-such-python", 2));
  }

  @Test
  void matricesAndModelsAreMeasured() {
    List<RuntimeBench.MatrixRow> matrices = new ArrayList<>();
    RuntimeBench.matrices(2, 1, List.of("130x128"), 1, matrices::add);
    assertTrue(matrices.size() > 20, matrices.toString());
    matrices.forEach(row -> assertTrue(row.toFp32() > 0 && row.speed() > 0, row.toString()));
    String tiny =
        """
            {"model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
             "vocab_size": 200, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
             "tie_word_embeddings": %s, "hidden_act": "silu"}
            """;
    List<RuntimeBench.ModelRow> models = new ArrayList<>();
    RuntimeBench.models(2, 1, tied -> ModelConfig.parse(tiny.formatted(tied)), 5, 2, models::add);
    assertEquals(8, models.size());
    assertTrue(models.get(4).weights() < models.get(0).weights());
    models.forEach(row -> assertTrue(row.prefill() > 0 && row.decode() > 0, row.toString()));
    assertTrue(models.get(3).weights() < models.get(2).weights());
    StringWriter text = new StringWriter();
    BenchTable table = new BenchTable(new PrintWriter(text), true);
    matrices.forEach(table::matrix);
    models.forEach(table::model);
    assertTrue(text.toString().contains("| stretched:2 per-row fp32, int8 |"), text.toString());
    assertTrue(text.toString().contains("| stretched:2 per-row fp32 |"), text.toString());
  }

  @Test
  void threadsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> Bench.run(0, false, row -> {}));
  }

  @Test
  void exportsAreMeasuredAndTheirFilesRemoved() throws IOException {
    StringWriter text = new StringWriter();
    QuantConfig config = QuantConfig.parse("symmetric:4 group:32 bf16");
    ExportBench.run(folder, config, 256, 1, new PrintWriter(text));
    List<String> lines = text.toString().lines().toList();
    assertEquals(3 + Formats.names().size(), lines.size(), text.toString());
    for (String target : Formats.names()) {
      assertTrue(lines.stream().anyMatch(line -> line.startsWith(target + " ")), text.toString());
    }
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(0, left.count());
    }
  }
}

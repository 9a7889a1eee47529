package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.PackedSource;
import io.parq.export.formats.Formats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trained model written in every format, verified, inspected, compared and scored. */
class ExportCommandTest extends CommandRun {
  private static final String RECIPE =
      """
      model:
        new: {model_type: llama, hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 2,
              num_key_value_heads: 1, intermediate_size: 96, tie_word_embeddings: true,
              max_position_embeddings: 64}
        tokenizer: bytes
      data: {train: train.txt, sequence_length: 16}
      qat:
        linear: {bits: 2, granularity: "group:32", scale: bf16}
        embedding: {bits: 4}
        prox: {map: parq, anneal_start: 0.1, anneal_end: 0.6}
        quant_period: 3
      optimizer: {lr: 1e-2}
      train: {steps: 12, batch_size: 2, checkpoint_every: 4, keep: 3, threads: 1}
      target: parq
      output: run
      """;

  @TempDir private static Path home = Path.of("");
  private static Path run = Path.of("");

  @TempDir private Path folder = Path.of("");

  @BeforeAll
  static void train() throws IOException {
    Path recipe = Files.writeString(home.resolve("recipe.yaml"), RECIPE);
    Files.writeString(home.resolve("train.txt"), "LATIN SMALL LETTER A WITH GRAVE\n".repeat(20));
    run = home.resolve("run");
    ExportCommandTest test = new ExportCommandTest();
    assertEquals(0, test.parq("train", recipe), test.err);
  }

  @Test
  void everyTargetHoldsWhatWasTrained() {
    for (String target : Formats.names()) {
      Path file = folder.resolve(target);
      assertEquals(0, parq("export", run, "--target", target, "--out", file), target + ": " + err);
      assertEquals(0, parq("verify", file, "--against", run), target + ": " + out + err);
      assertTrue(out.contains("no difference"), out);
      assertEquals(0, parq("inspect", file), target + ": " + err);
      assertTrue(out.contains("model.layers.0.mlp.up_proj.weight"), out);
      assertEquals(0, parq("compare", run, file), target + ": " + err);
      assertTrue(out.contains("11 tensors, 11 equal"), out);
    }
  }

  @Test
  void checkpointsAreExportedOnceTheyLieOnTheirLevels() {
    Path file = folder.resolve("f");
    Path last = run.resolve("checkpoints/step-000000012.safetensors");
    assertEquals(0, parq("export", last, "--target", "torchao", "--out", file), err);
    assertEquals(0, parq("verify", file, "--against", run), out);
    assertEquals(0, parq("verify", last, "--against", run), out);
    Path early = run.resolve("checkpoints/step-000000004.safetensors");
    Path other = folder.resolve("g");
    assertEquals(1, parq("export", early, "--target", "torchao", "--out", other));
    assertTrue(err.contains("row 0, column 0") && err.contains("not quantized yet"), err);
    assertFalse(Files.exists(other));
    assertEquals(1, parq("verify", run.resolve("model"), "--against", folder.resolve("h")));
    assertTrue(err.contains("no such file"), err);
  }

  @Test
  void exportedModelsScoreTheSame() throws IOException {
    Path text = Files.writeString(folder.resolve("t.txt"), "LATIN SMALL LETTER E\n".repeat(4));
    Path file = folder.resolve("f");
    assertEquals(0, parq("export", run, "--target", "torchao", "--out", file), err);
    assertEquals(0, parq("compare", file, run.resolve("model"), "--text", text), err);
    assertTrue(out.lines().skip(1).allMatch(line -> line.endsWith("+0.0000")), out);
    Path packed = Files.copy(run.resolve(PackedSource.FILE), folder.resolve("p.safetensors"));
    assertEquals(1, parq("eval", packed, "--text", text));
    assertTrue(err.contains("--config"), err);
    assertEquals(0, parq("eval", packed, "--config", run.resolve("model"), "--text", text), err);
  }

  @Test
  void differencesAreReported() throws IOException {
    Path file = folder.resolve("f");
    Path model = run.resolve("model");
    Object[] args = {"quantize", model, file, "--bits", "3", "--target", "torchao"};
    assertEquals(0, parq(args), err);
    assertTrue(out.contains("stretched:3 per-row fp32") && out.contains("int3 in int8"), out);
    assertEquals(1, parq("verify", file, "--against", run));
    assertTrue(out.contains("model.embed_tokens.weight, row 0, column"), out);
    assertEquals(0, parq("compare", run, file), err);
    assertTrue(out.contains("% differ, by"), out);
    assertEquals(1, parq(args));
    assertTrue(err.contains("--force"), err);
    List<Object> forced = new ArrayList<>(List.of(args));
    forced.addAll(
        List.of("--force", "--scale-type", "bf16", "--activations", "int8-asym-per-token"));
    assertEquals(0, parq(forced.toArray()), err);
    assertTrue(out.contains("stretched:3 per-row bf16"), out);
    try (var left = Files.list(folder)) {
      assertEquals(1, left.count());
    }
  }

  @Test
  void wrongUsageIsExplained() throws IOException {
    Path file = folder.resolve("f");
    assertEquals(2, parq("export", run, "--out", file));
    assertEquals(2, parq("export", run, "--target", "tflite", "--out", file));
    assertTrue(err.contains("target 'tflite', expected one of"), err);
    String[] narrow = {"--target", "safetensors", "--dtype", "bfloat16"};
    assertEquals(1, parq("export", run, narrow[0], narrow[1], narrow[2], narrow[3], "--out", file));
    assertTrue(err.contains("safetensors cannot hold 8 tensors exactly"), err);
    assertFalse(Files.exists(file));
    assertEquals(2, parq("compare", run, run, "--base", run));
    Files.createDirectories(file.resolve("inside"));
    assertEquals(1, parq("export", run, "--target", "torchao", "--out", file, "--force"));
    assertTrue(err.contains("is not replaced"), err);
    assertTrue(Files.exists(file.resolve("inside")));
    try (var left = Files.list(folder)) {
      assertEquals(1, left.count(), "nothing half-written is left");
    }
  }
}

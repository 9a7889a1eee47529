package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.ParqFile;
import io.parq.export.safetensors.SafetensorsReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A tiny model from a recipe to files, and what one does with them. */
class TrainCommandTest {
  private static final String RECIPE =
      """
      model:
        new: {model_type: llama, hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2,
              num_key_value_heads: 1, intermediate_size: 64, tie_word_embeddings: true,
              max_position_embeddings: 64}
        tokenizer: bytes
      data: {train: train.txt, eval: held.txt, sequence_length: 16}
      qat:
        linear: {bits: 2, scale: bf16}
        embedding: {bits: 4}
        prox: {map: parq, anneal_start: 0.1, anneal_end: 0.6}
        quant_period: 3
      optimizer: {lr: 1e-2, weight_decay: 0.1}
      train: {steps: 20, batch_size: 2, gradient_accumulation: 2, eval_every: 10,
              checkpoint_every: 7, threads: 1}
      target: parq
      output: out
      metrics: {csv: true, jsonl: true, tensorboard: true}
      """;

  @TempDir private Path folder = Path.of("");
  private Path recipe = Path.of("");
  private String out = "";
  private String err = "";

  @BeforeEach
  void writeFiles() throws IOException {
    recipe = Files.writeString(folder.resolve("recipe.yaml"), RECIPE);
    Files.writeString(folder.resolve("train.txt"), "LATIN SMALL LETTER A WITH GRAVE\n".repeat(30));
    Files.writeString(folder.resolve("held.txt"), "LATIN SMALL LETTER E WITH ACUTE\n".repeat(5));
  }

  private int parq(Object... args) {
    StringWriter standard = new StringWriter();
    StringWriter error = new StringWriter();
    CommandLine command =
        Main.commandLine().setOut(new PrintWriter(standard)).setErr(new PrintWriter(error));
    List<String> words = new ArrayList<>();
    for (Object arg : args) {
      words.add(arg.toString());
    }
    int status = command.execute(words.toArray(String[]::new));
    out = standard.toString();
    err = error.toString();
    return status;
  }

  @Test
  void trainsExportsEvaluatesAndGenerates() throws Exception {
    assertEquals(0, parq("train", recipe), err);
    assertTrue(out.matches("(?s).*memory at its peak: [\\d.]+ [MG]B, estimated .*"), out);
    Path output = folder.resolve("out");
    Path model = output.resolve("model");
    Path packed = output.resolve("model.parq.safetensors");
    try (ParqFile codes = ParqFile.open(packed);
        SafetensorsReader floats = SafetensorsReader.open(model)) {
      assertEquals(8, codes.quantizedNames().size());
      for (String name : codes.quantizedNames()) {
        assertArrayEquals(floats.tensor(name).toFloats(), codes.quantized(name).dequantize(), name);
      }
    }
    assertEquals(20 + 2, Files.readAllLines(output.resolve("metrics.jsonl")).size());
    assertTrue(Files.exists(output.resolve("metrics.csv")));
    assertEquals(0, parq("eval", model, "--text", folder.resolve("held.txt")), err);
    assertTrue(out.contains("bits per character"), out);
    assertEquals(0, parq("generate", model, "--prompt", "LATIN", "--max-tokens", "5"), err);
    assertTrue(out.startsWith("LATIN"), out);
    Path held = folder.resolve("held.txt");
    assertEquals(0, parq("compare", model, model, "--base", model, "--text", held), err);
    assertTrue(out.contains("n/a"), out);
  }

  @Test
  void resumedTrainingWritesTheSameBytes() throws Exception {
    assertEquals(0, parq("train", recipe), err);
    // As after an interruption at step 14: what came later is gone.
    Path other = folder.resolve("other");
    assertEquals(0, parq("train", recipe, "--set", "output=" + other), err);
    Files.delete(other.resolve("checkpoints/step-000000020.safetensors"));
    assertEquals(1, parq("train", recipe, "--set", "output=" + other));
    assertTrue(err.contains("--resume"), err);
    assertEquals(0, parq("train", recipe, "--set", "output=" + other, "--resume"), err);
    for (String file : List.of("model/model.safetensors", "model.parq.safetensors")) {
      assertEquals(-1, Files.mismatch(folder.resolve("out").resolve(file), other.resolve(file)));
    }
  }

  @Test
  void dryRunsWriteNothing() {
    assertEquals(0, parq("train", recipe, "--dry-run"), err);
    assertTrue(out.contains("stretched:2 per-row bf16"), out);
    assertTrue(out.contains("not quantized"), out);
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void everyProblemIsLocated() {
    assertEquals(1, parq("train", recipe, "--set", "train.stepz=3"));
    assertTrue(err.contains("did you mean steps?"), err);
    assertEquals(1, parq("train", recipe, "--set", "model.new.hidden_size=33"));
    assertTrue(err.contains("model.new"), err);
    assertEquals(1, parq("train", recipe, "--set", "data.sequence_length=100000"));
    assertTrue(err.contains("data.train"), err);
    assertEquals(1, parq("train", recipe, "--set", "qat.linear.granularity=group:24"));
    assertTrue(err.contains("not divisible by group size 24"), err);
    assertEquals(1, parq("train", recipe, "--set", "qat.activations=int8_asym_per_token"));
    assertTrue(err.contains("qat.activations"), err);
    assertEquals(2, parq("train"));
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void defaultsArePrinted() {
    assertEquals(0, parq("train", "--print-defaults"), err);
    assertTrue(out.contains("sequence_length: 256"), out);
  }
}

package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.ParqFile;
import io.parq.export.safetensors.SafetensorsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A tiny model from a recipe to files, and what one does with them. */
class TrainCommandTest extends CommandRun {
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

  @BeforeEach
  void writeFiles() throws IOException {
    recipe = Files.writeString(folder.resolve("recipe.yaml"), RECIPE);
    Files.writeString(folder.resolve("train.txt"), "LATIN SMALL LETTER A WITH GRAVE\n".repeat(30));
    Files.writeString(folder.resolve("held.txt"), "LATIN SMALL LETTER E WITH ACUTE\n".repeat(5));
  }

  /** Both backends continue a prompt alike: greedily, from the trained model and the packed one. */
  private void assertRuntimeContinuesAlike(Path output) {
    Path model = output.resolve("model");
    Object[] args = {"--prompt", "LATIN", "--max-tokens", "30", "--temperature", "0"};
    assertEquals(0, generate(model, "torch", args), err);
    String expected = out;
    Path gguf = folder.resolve("model.gguf");
    assertEquals(0, parq("export", output, "--target", "gguf", "--out", gguf), err);
    for (Path path : List.of(model, output, output.resolve("model.parq.safetensors"), gguf)) {
      assertEquals(0, generate(path, "runtime", args), err);
      assertEquals(expected, out, path.toString());
      assertTrue(err.contains("KB of weights, 128 B of keys and values a token"), err);
    }
    assertEquals(0, generate(gguf, "torch", args), err);
    Object[] drawn = {"--prompt", "L", "--max-tokens", "9", "--min-p", "0.1", "--seed", "3"};
    assertEquals(0, generate(gguf, "torch", drawn), err);
    expected = out;
    assertEquals(0, generate(gguf, "runtime", drawn), err);
    assertEquals(expected, out);
  }

  private int generate(Path path, String backend, Object... args) {
    List<Object> words = new ArrayList<>(List.of("generate", path, "--backend", backend));
    words.addAll(List.of(args));
    return parq(words.toArray());
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
    assertRuntimeContinuesAlike(output);
    Path held = folder.resolve("held.txt");
    assertEquals(0, parq("compare", model, model, "--base", model, "--text", held), err);
    assertTrue(out.contains("n/a"), out);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fp32", "bf16", "blockwise-8bit"})
  void resumedTrainingWritesTheSameBytes(String moments) throws Exception {
    Files.writeString(recipe, RECIPE.replace("lr: 1e-2", "lr: 1e-2, moments: " + moments));
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
  void activationsAreQuantizedInTrainingAndAfter() throws Exception {
    String activations = "qat.activations=int8-asym-per-token";
    assertEquals(0, parq("train", recipe, "--set", activations, "--dry-run"), err);
    assertTrue(out.contains("activations int8-asym-per-token before linear layers\n"), out);
    assertEquals(0, parq("train", recipe, "--set", activations), err);
    Path output = folder.resolve("out");
    Path model = output.resolve("model");
    assertTrue(Files.readString(model.resolve("config.json")).contains("int8-asym-per-token"));
    try (ParqFile codes = ParqFile.open(output.resolve("model.parq.safetensors"))) {
      String config = codes.metadata().get("config.json");
      assertTrue(config != null && config.contains("int8-asym-per-token"), config);
    }
    assertRuntimeContinuesAlike(output);

    // Resumed, it goes on with the same bits; without them it is another run.
    String other = "output=" + folder.resolve("other");
    assertEquals(0, parq("train", recipe, "--set", activations, "--set", other), err);
    Path last = folder.resolve("other/checkpoints/step-000000020.safetensors");
    Files.delete(last);
    assertEquals(1, parq("train", recipe, "--set", other, "--resume"));
    assertTrue(err.contains("qat.activations: found none, expected int8-asym-per-token"), err);
    assertEquals(0, parq("train", recipe, "--set", activations, "--set", other, "--resume"), err);
    for (String file : List.of("model/model.safetensors", "model.parq.safetensors")) {
      assertEquals(
          -1, Files.mismatch(output.resolve(file), folder.resolve("other").resolve(file)), file);
    }

    Path held = folder.resolve("held.txt");
    String held1 = heldOut();
    assertEquals(0, parq("eval", model, "--text", held, "--window", "16"), err);
    String quantized = out;
    assertTrue(quantized.contains(held1), quantized + held1);
    assertEquals(0, parq("eval", model, "--text", held, "--window", "16", "--float-activations"));
    assertNotEquals(quantized, out);
    assertEquals(0, parq("generate", model, "--max-tokens", "3", "--float-activations"), err);
    assertEquals(0, parq("compare", model, model, "--float-activations", "--text", held), err);
  }

  /** What the last training printed. */
  private String heldOut() throws IOException {
    assertEquals(
        0,
        parq(
            "train",
            recipe,
            "--set",
            "qat.activations=int8-asym-per-token",
            "--set",
            "output=" + folder.resolve("other"),
            "--resume"),
        err);
    return out.substring(out.indexOf("a token, ") + 9, out.indexOf(" bits a character"));
  }

  @Test
  void aFormatThatIsGivenCounts() throws Exception {
    Path lines = folder.resolve("lines.txt");
    Files.writeString(lines, "{\"text\": \"LATIN SMALL LETTER A WITH GRAVE\"}\n".repeat(30));
    Object[] asText = {"train", recipe, "--dry-run", "--set", "data.train=" + lines};
    assertEquals(0, parq(asText), err);
    String text = out;
    Object[] asLines = {
      "train",
      recipe,
      "--dry-run",
      "--set",
      "data.eval=none",
      "--set",
      "data.train=" + lines,
      "--set",
      "data.format=jsonl"
    };
    assertEquals(0, parq(asLines), err);
    assertTrue(out.contains("961 training tokens"), out);
    assertNotEquals(text, out);
  }

  @Test
  void dryRunsWriteNothing() {
    assertEquals(0, parq("train", recipe, "--dry-run"), err);
    assertTrue(out.contains("bits as 2-bit codes"), out);
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
    String filters = "qat.filters=[{name: \"*.down_prj.*\", bits: none}]";
    assertEquals(1, parq("train", recipe, "--set", filters, "--dry-run"));
    assertTrue(err.contains("--set qat.filters[0].name: found '*.down_prj.*', which"), err);
    assertEquals(2, parq("train"));
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void defaultsArePrinted() {
    assertEquals(0, parq("train", "--print-defaults"), err);
    assertTrue(out.contains("sequence_length: 256"), out);
  }
}

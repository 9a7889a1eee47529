package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.FolderSource;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.PackedSource;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Exported files in the hands of the software that they are meant for. */
@Tag("consumers")
@ExtendWith(ConsumersSummary.class)
class ConsumersTest {
  private static final Path GOLDEN =
      PythonVenv.ROOT.resolve("parq-torch/src/test/resources/golden");

  private static final String RECIPE =
      """
      model:
        new: {model_type: llama, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4,
              num_key_value_heads: 2, intermediate_size: 128, tie_word_embeddings: true,
              max_position_embeddings: 64}
        tokenizer: bytes
      data: {train: train.txt, sequence_length: 16}
      qat:
        linear: {bits: 2, granularity: "group:32", scale: bf16}
        embedding: {bits: 4}
        prox: {map: parq, anneal_start: 0.1, anneal_end: 0.6}
      optimizer: {lr: 1e-2}
      train: {steps: 20, batch_size: 2, threads: 1}
      target: parq
      output: run
      """;

  /** The folder of a run that trained a small model to 2 bits. */
  private static Path train(String name) throws IOException {
    Path folder = Artifacts.folder(name);
    Path recipe = Files.writeString(folder.resolve("recipe.yaml"), RECIPE);
    Files.writeString(folder.resolve("train.txt"), "LATIN SMALL LETTER A WITH GRAVE\n".repeat(40));
    Artifacts.parq("train", recipe);
    return folder.resolve("run");
  }

  /** A model to be quantized after training; null embeddings are left alone. */
  private record Case(
      String name, String model, String linear, @Nullable String embeddings, WriteOptions options) {
    static Case of(String model, String linear, @Nullable String embeddings) {
      String name = model + "-" + linear.replaceAll("[: ]", "-");
      return new Case(name, model, linear, embeddings, WriteOptions.DEFAULT);
    }

    ModelSource open() throws IOException {
      return FolderSource.quantizing(
          GOLDEN.resolve(model),
          QuantConfig.parse(linear),
          embeddings == null ? null : QuantConfig.parse(embeddings),
          embeddings == null ? "*_proj.weight" : null);
    }
  }

  private static void write(Case c, String target, Path folder) throws IOException {
    Path own = Files.createDirectories(folder.resolve(c.name()));
    try (ModelSource source = c.open()) {
      Formats.writer(target, c.options())
          .write(source, own.resolve("model"), ModelWriter.Progress.NONE);
      Artifacts.expect(
          source, own.resolve("expected.safetensors"), c.options().activations() == null);
    }
  }

  private static void writeTrained(String target, Path folder) throws IOException {
    Path run = train(target + "-run");
    Path own = Files.createDirectories(folder.resolve("trained"));
    Artifacts.parq("export", run, "--target", target, "--out", own.resolve("model"));
    try (ModelSource source = PackedSource.open(run)) {
      Artifacts.expect(source, own.resolve("expected.safetensors"), true);
    }
  }

  private static List<Case> families() {
    List<Case> cases = new ArrayList<>();
    for (String model : List.of("llama", "llama3", "qwen2", "qwen3", "phi3")) {
      cases.add(Case.of(model, "stretched:2 group:8 bf16", "symmetric:4 per-row bf16"));
    }
    cases.add(Case.of("gemma3", "stretched:2 group:8 bf16", null)); // torchao: TorchaoWriter.check
    return cases;
  }

  @Test
  void transformersLoadsTorchaoFolders() throws Exception {
    Path folder = Artifacts.folder("torchao");
    writeTrained("torchao", folder);
    List<Case> cases = families();
    for (String linear :
        List.of(
            "symmetric:4 group:16 fp32",
            "asymmetric:4 group:16 fp32",
            "asymmetric-uniform:3 per-row fp32",
            "stretched:3 per-row fp32",
            "stretched:1 per-row bf16",
            "ternary per-row bf16",
            "clipped:3:max:1.0:0.0 per-row fp32",
            "symmetric:8 per-tensor fp32")) {
      cases.add(Case.of("llama", linear, "symmetric:8 per-row fp32"));
    }
    cases.add(
        new Case(
            "sharded",
            "qwen2",
            "stretched:3 group:8 bf16",
            "symmetric:4 per-row bf16",
            WriteOptions.DEFAULT.withMaxShardBytes(5000)));
    cases.add(
        new Case(
            "int8-activations",
            "llama",
            "symmetric:4 group:16 bf16",
            "symmetric:8 per-row bf16",
            WriteOptions.DEFAULT.withActivations(ActivationQuantization.INT8_ASYM_PER_TOKEN)));
    for (Case c : cases) {
      write(c, "torchao", folder);
    }
    PythonVenv.check("check_torchao.py", folder);
  }

  @Test
  void transformersLoadsFoldersOfFloats() throws Exception {
    Path folder = Artifacts.folder("safetensors");
    writeTrained("safetensors", folder);
    for (Case c : families()) {
      write(c, "safetensors", folder);
    }
    write(
        new Case(
            "bfloat16",
            "qwen2",
            "ternary per-row bf16",
            "symmetric:2 per-row bf16",
            WriteOptions.DEFAULT.withDtype(DType.BF16).withMaxShardBytes(5000)),
        "safetensors",
        folder);
    PythonVenv.check("check_safetensors.py", folder);
  }

  @Test
  void executorchRunsWhatTorchaoFoldersBecome() throws Exception {
    Path folder = Artifacts.folder("executorch");
    Path run = train("executorch-run");
    Artifacts.parq(
        "export",
        run,
        "--target",
        "torchao",
        "--activations",
        "int8-asym-per-token",
        "--out",
        folder.resolve("stretched-2-group-32/model"));
    for (String linear : List.of("symmetric:4 per-row bf16", "stretched:3 per-row bf16")) {
      WriteOptions options =
          WriteOptions.DEFAULT.withActivations(ActivationQuantization.INT8_ASYM_PER_TOKEN);
      String name = linear.replaceAll("[: ]", "-");
      write(
          new Case(name, "llama", linear, "symmetric:8 per-row bf16", options), "torchao", folder);
    }
    PythonVenv.check("check_executorch.py", folder);
  }

  /** The files are those that the tests of parq-torch wrote, one of each family and encoding. */
  @Test
  void llamaCppLoadsGgufFiles() throws Exception {
    Path folder = PythonVenv.ROOT.resolve("parq-torch/target/consumers/gguf");
    assertTrue(Files.isDirectory(folder), folder + ": expected what GgufModelsTest writes");
    PythonVenv.check("check_gguf.py", folder);
  }

  @Test
  void openAiClientsUseTheServer() throws Exception {
    Path folder = Artifacts.folder("serve");
    int clients = 64;
    try (ServerProcess server = ServerProcess.start("secret", "--name", "tiny")) {
      Files.writeString(
          folder.resolve("server.json"),
          """
          {"url": "%sv1", "model": "tiny", "key": "secret", "clients": %d, "seconds": 120}
          """
              .formatted(server.uri(), clients));
      PythonVenv.check("check_serve.py", folder);
    }
  }
}

package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.FolderSource;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.PackedSource;
import io.parq.export.SourceReader;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.grids.UniformGrid;
import io.parq.torch.CausalLm;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** Exported files in the hands of the software that they are meant for. */
@Tag("consumers")
class ConsumersTest {
  private static final Path GOLDEN =
      PythonVenv.ROOT.resolve("parq-torch/src/test/resources/golden");
  private static final Path ARTIFACTS = PythonVenv.FOLDER.resolve("artifacts");
  private static final int VOCABULARY = 96;
  private static final int TOKENS = 12;

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

  /** An empty folder of this name. */
  private static Path artifacts(String name) throws IOException {
    Path folder = ARTIFACTS.resolve(name);
    if (Files.exists(folder)) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
    return Files.createDirectories(folder);
  }

  private static void parq(Object... args) {
    StringWriter error = new StringWriter();
    CommandLine command =
        Main.commandLine()
            .setOut(new PrintWriter(new StringWriter()))
            .setErr(new PrintWriter(error));
    List<String> words = Arrays.stream(args).map(Object::toString).toList();
    assertEquals(0, command.execute(words.toArray(String[]::new)), words + ": " + error);
  }

  /** The folder of a run that trained a small model to 2 bits. */
  private static Path train(String name) throws IOException {
    Path folder = artifacts(name);
    Path recipe = Files.writeString(folder.resolve("recipe.yaml"), RECIPE);
    Files.writeString(folder.resolve("train.txt"), "LATIN SMALL LETTER A WITH GRAVE\n".repeat(40));
    parq("train", recipe);
    return folder.resolve("run");
  }

  /** Writes what the consumer should find, in the layout that its script describes. */
  private static void expect(ModelSource model, Path file, boolean logits) throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (TensorInfo tensor : model.tensors()) {
      String name = tensor.name();
      if (model.config(name) == null) {
        TensorData plain = model.plain(name);
        tensors.put("values/" + name, TensorData.of(plain.toFloats(), plain.shape()));
        continue;
      }
      QuantizedTensor quantized = model.quantized(name);
      tensors.put("values/" + name, TensorData.of(quantized.dequantize(), tensor.shape()));
      tensors.put("codes/" + name, new TensorData(DType.I8, tensor.shape(), quantized.codes()));
      addBlocks(name, quantized.lattice(), tensors);
    }
    long[] ids = new long[TOKENS];
    Arrays.setAll(ids, i -> (31L * i + 7) % VOCABULARY);
    tensors.put(
        "input_ids", new TensorData(DType.I64, new long[] {1, TOKENS}, MemorySegment.ofArray(ids)));
    if (logits) {
      tensors.put("logits", logits(model, ids));
    }
    SafetensorsWriter.write(file, new NamedTensors(tensors, Map.of()));
  }

  private static void addBlocks(String name, Lattice lattice, Map<String, TensorData> tensors) {
    long rows = lattice.layout().rows();
    int perRow = (int) Math.max(1, lattice.layout().blocks() / rows);
    float[] scales = new float[(int) rows * perRow];
    float[] zeroPoints = new float[scales.length];
    for (int i = 0; i < scales.length; i++) {
      int block =
          Math.min(i, lattice.layout().blocks() - 1); // one of the whole tensor counts for all
      scales[i] = lattice.scales()[block];
      float[] own = lattice.zeroPoints();
      zeroPoints[i] = own == null ? ((UniformGrid) lattice.grid()).zeroPoint() : own[block];
    }
    tensors.put("scales/" + name, TensorData.of(scales, rows, perRow));
    tensors.put("zero_points/" + name, TensorData.of(zeroPoints, rows, perRow));
  }

  @SuppressWarnings("resource") // the source is the caller's
  private static TensorData logits(ModelSource source, long[] ids) throws IOException {
    try (CausalLm model = CausalLm.load(source.folder(), new SourceReader(source));
        PointerScope _ = new PointerScope()) {
      Tensor logits = model.forward(Tensor.create(ids).reshape(1, TOKENS));
      float[] values = new float[(int) logits.numel()];
      logits.contiguous().data_ptr_float().get(values);
      return TensorData.of(values, 1, TOKENS, logits.size(2));
    }
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
      expect(source, own.resolve("expected.safetensors"), c.options().activations() == null);
    }
  }

  private static void writeTrained(String target, Path folder) throws IOException {
    Path run = train(target + "-run");
    Path own = Files.createDirectories(folder.resolve("trained"));
    parq("export", run, "--target", target, "--out", own.resolve("model"));
    try (ModelSource source = PackedSource.open(run)) {
      expect(source, own.resolve("expected.safetensors"), true);
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
    Path folder = artifacts("torchao");
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
    Path folder = artifacts("safetensors");
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
    Path folder = artifacts("executorch");
    Path run = train("executorch-run");
    parq(
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
    Path folder = artifacts("serve");
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

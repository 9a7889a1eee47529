package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.gguf.GgufReader;
import io.parq.export.gguf.GgufWriter;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole models of each family, written and read back. The files, and what is expected of them, stay
 * in {@code target/consumers/gguf}, where reference/consumers/check_gguf.py compares them with what
 * llama.cpp computes.
 */
class GgufModelsTest {
  private static final Path ARTIFACTS = Path.of("target", "consumers", "gguf");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SEED = 5;

  /** Of logits of a file in single precision. */
  private static final double EXACT = 1e-5;

  /** Of positions of some hundreds, where llama.cpp multiplies up angles in single precision. */
  private static final double FAR = 5e-4;

  /** Of gemma: llama.cpp looks up its activation in a table of half precision. */
  private static final double TABLE = 5e-3;

  private static final String CONFIG =
      """
      {"model_type": "llama", "vocab_size": %d, "hidden_size": 256, "intermediate_size": 512,
       "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "max_position_embeddings": 512, "hidden_act": "silu", "rms_norm_eps": 1e-6,
       "rope_theta": 10000.0, "tie_word_embeddings": %s, "initializer_range": 0.08,
       "eos_token_id": %d}
      """;

  @TempDir Path folder;

  @BeforeAll
  static void threads() throws IOException {
    Torch.setThreads(2);
    Files.createDirectories(ARTIFACTS);
  }

  static Stream<String> models() {
    return Golden.MODELS.stream();
  }

  /** What llama.cpp computes otherwise, or refuses, is changed in the configuration. */
  private static void adapt(String name, ObjectNode config) {
    switch (name) {
      case "qwen2-yarn" -> {
        config.put("use_sliding_window", false).putNull("sliding_window");
        config.remove("layer_types");
      }
      case "phi3" -> config.putNull("sliding_window");
      case "phi3-longrope", "phi3-longrope-beyond" -> {
        // llama.cpp's contexts are multiples of 256 tokens.
        config.put("original_max_position_embeddings", 256).put("max_position_embeddings", 1024);
        ObjectNode rope = (ObjectNode) config.get("rope_parameters");
        rope.put("original_max_position_embeddings", 256);
      }
      case "gemma3", "gemma3-multimodal" ->
          config.put("query_pre_attn_scalar", config.get("head_dim").intValue());
      default -> {}
    }
  }

  private Path saved(String name) throws IOException {
    Path saved = folder.resolve(name);
    try (CausalLm model = CausalLm.load(Golden.folder(name))) {
      model.save(saved);
    }
    Path file = saved.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(Files.readString(file));
    adapt(name, config);
    Files.writeString(file, config.toString());
    return saved;
  }

  @ParameterizedTest
  @MethodSource("models")
  void everyFamilyInSinglePrecision(String name) throws IOException {
    Path saved = saved(name);
    boolean beyond = name.endsWith("-beyond");
    try (ModelSource source = FolderModel.plain(saved);
        CausalLm model = CausalLm.load(saved)) {
      double tolerance = beyond ? FAR : name.startsWith("gemma") ? TABLE : EXACT;
      ObjectNode expected = write(source, name, beyond ? 512 : 256, tolerance);
      for (int length : beyond ? new int[] {300} : new int[] {1, 24}) {
        ExpectedJson.addLogits(expected, model, ExpectedJson.tokens(96, length));
      }
      finish(name, expected);
    }
  }

  /** BF16 and F16 stay what they are, in the shards in which they come. */
  @ParameterizedTest
  @CsvSource({"llama3, BF16", "phi3, F16", "llama-biases, BF16"})
  void plainTypesAreKept(String name, String type) throws IOException {
    Path file = folder.resolve(name + ".gguf");
    try (ModelSource source = FolderModel.plain(Golden.folder(name))) {
      new GgufWriter().write(source, file, ModelWriter.Progress.NONE);
      try (GgufReader reader = GgufReader.open(file)) {
        check(source, reader);
        for (ModelReader.Stored stored : reader.tensors()) {
          assertEquals(stored.shape().size() == 1 ? "F32" : type, stored.encoding());
        }
      }
    }
  }

  private static final List<String> CONFIGS =
      List.of(
          "symmetric:2 per-row fp16",
          "symmetric:2 group:64 bf16",
          "symmetric:3 per-row bf16",
          "symmetric:4 group:32 fp16",
          "symmetric:5 per-row fp16",
          "symmetric:6 per-row fp16",
          "symmetric:8 group:32 fp16",
          "stretched:1 per-row fp16",
          "stretched:2 per-row bf16",
          "stretched:2 group:32 fp16",
          "stretched:3 per-row fp16",
          "stretched:4 per-row bf16",
          "stretched:4 group:32 fp16",
          "stretched:5 per-row fp16",
          "ternary per-row bf16",
          "asymmetric:2 per-row fp16",
          "asymmetric:4 per-row fp16",
          "asymmetric:4 group:32 fp16",
          "lsbq-optimal-ternary per-tensor fp16",
          "fp4 group:32 e8m0",
          "fp4 group:16 e4m3");

  static List<String> configs() {
    return CONFIGS;
  }

  private Path fresh(String config) throws IOException {
    Path saved = folder.resolve("fresh");
    try (CausalLm model = CausalLm.create(ModelConfig.parse(config), SEED);
        Tokenizer tokenizer = Tokenizer.bytes()) {
      model.save(saved);
      tokenizer.save(saved);
    }
    return saved;
  }

  @ParameterizedTest
  @MethodSource("configs")
  void everyEncoding(String spec) throws IOException {
    QuantConfig config = QuantConfig.parse(spec);
    Path saved = fresh(CONFIG.formatted(256, false, 255));
    boolean nvfp4 = spec.endsWith("e4m3");
    String name = "quantized-" + spec.replaceAll("[ :]", "-");
    try (FolderModel source =
        new FolderModel(
            saved,
            config,
            tensor -> !tensor.endsWith("norm.weight") && !(nvfp4 && tensor.contains("embed")))) {
      ObjectNode expected = write(source, name, 256, EXACT);
      // llama.cpp multiplies by activations of 8 bits, which the check emulates.
      expected.putObject("emulate").put("heads", 4).put("kv_heads", 2).put("eps", 1e-6);
      Path values = folder.resolve("values");
      copyConfig(saved, values);
      SafetensorsWriter.write(
          values.resolve("model.safetensors"), new NamedTensors(values(source), Map.of()));
      try (CausalLm model = CausalLm.load(values)) {
        int[] tokens = ExpectedJson.tokens(256, 64);
        for (int from = 0; from < tokens.length; from += 4) {
          ExpectedJson.addLogits(expected, model, Arrays.copyOfRange(tokens, from, from + 4));
        }
      }
      finish(name, expected);
    }
  }

  private static void copyConfig(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    Files.copy(from.resolve("config.json"), to.resolve("config.json"));
  }

  /** The vocabulary of the names demo, and a tied head. */
  @Test
  void bytes() throws IOException {
    Path saved = fresh(CONFIG.formatted(256, true, 255));
    try (ModelSource source = FolderModel.plain(saved);
        CausalLm model = CausalLm.load(saved);
        Tokenizer tokenizer = Tokenizer.bytes()) {
      ObjectNode expected = write(source, "bytes", 256, EXACT);
      ExpectedJson.addLogits(expected, model, ExpectedJson.tokens(256, 24));
      ExpectedJson.addTexts(
          expected, tokenizer, "Anna\n", "\u00c5sa Bj\u00f6rk", " a  b ", "\u00ff\u0000\u65e5");
      int[] prompt = tokenizer.encode("An", true);
      ObjectNode greedy = expected.putObject("greedy");
      ExpectedJson.addInts(greedy.putArray("prompt"), prompt);
      ExpectedJson.addInts(greedy.putArray("tokens"), ExpectedJson.greedy(model, prompt, 16));
      finish("bytes", expected);
    }
  }

  @ParameterizedTest
  @CsvSource({"byte-level, 320", "sentence-piece, 300"})
  void tokenizers(String name, int size) throws IOException {
    Path saved = fresh(CONFIG.formatted(size, true, 0));
    if (name.equals("byte-level")) {
      Path golden = Golden.folder("tokenizer").resolve("tokenizer.json");
      Files.copy(golden, saved.resolve("tokenizer.json"), StandardCopyOption.REPLACE_EXISTING);
    } else {
      SentencePieceFolder.write(saved);
    }
    try (ModelSource source = FolderModel.plain(saved);
        Tokenizer tokenizer = Tokenizer.load(saved)) {
      ObjectNode expected = write(source, name, 256, EXACT);
      ExpectedJson.addTexts(
          expected,
          tokenizer,
          "the cat and the other cat",
          "Don't  do that, 123!\n\nWell",
          "na\u00efve \u65e5\u672c",
          "  other  ");
      finish(name, expected);
    }
  }

  @Test
  void refusalsNameAllTensors() throws IOException {
    Path saved = fresh(CONFIG.formatted(256, false, 255));
    QuantConfig config = QuantConfig.parse("symmetric:4 group:32 fp32");
    Path file = folder.resolve("refused.gguf");
    try (FolderModel source = new FolderModel(saved, config, n -> n.contains("_proj"))) {
      Exception e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new GgufWriter().write(source, file, ModelWriter.Progress.NONE));
      assertEquals(1 + 14, e.getMessage().lines().count());
      assertTrue(e.getMessage().contains("self_attn.q_proj.weight: fp32 scales"));
      assertTrue(Files.notExists(file));
    }
  }

  private static ObjectNode write(ModelSource source, String name, int context, double tolerance)
      throws IOException {
    Path file = ARTIFACTS.resolve(name + ".gguf");
    Files.deleteIfExists(file);
    Files.deleteIfExists(ARTIFACTS.resolve(name + ".json"));
    GgufWriter writer = new GgufWriter();
    writer.write(source, file, ModelWriter.Progress.NONE);
    ObjectNode expected = JSON.createObjectNode();
    try (GgufReader reader = GgufReader.open(file)) {
      check(source, reader);
      if (reader.metadata().get("general.architecture").equals("llama")) {
        expected.put("head_dim", (Long) reader.metadata().get("llama.attention.key_length"));
      }
      for (ModelReader.Stored stored : reader.tensors()) {
        QuantConfig config = source.config(stored.name());
        if (config != null) {
          long[] shape = stored.shape().stream().mapToLong(Long::longValue).toArray();
          Target.Exact exact = (Target.Exact) writer.target().holding(config, shape);
          assertEquals(exact.encoding(), stored.encoding());
        }
      }
      boolean gemma = reader.metadata().get("general.architecture").equals("gemma3");
      expected.put("plus_one", gemma);
    }
    SafetensorsWriter.write(
        ARTIFACTS.resolve(name + ".safetensors"), new NamedTensors(values(source), Map.of()));
    expected.put("weights", name + ".safetensors");
    expected.put("n_ctx", context).put("tolerance", tolerance);
    expected.putArray("sequences");
    return expected;
  }

  private static Map<String, TensorData> values(ModelSource source) throws IOException {
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (TensorInfo info : source.tensors()) {
      float[] floats =
          source.config(info.name()) == null
              ? source.plain(info.name()).toFloats()
              : source.quantized(info.name()).dequantize();
      values.put(info.name(), TensorData.of(floats, info.shape()));
    }
    return values;
  }

  /** All tensors are there under Hugging Face's names, bit for bit. */
  private static void check(ModelSource source, ModelReader reader) throws IOException {
    Map<String, TensorData> values = values(source);
    List<String> names = new ArrayList<>();
    for (ModelReader.Stored stored : reader.tensors()) {
      if (stored.name().startsWith("rope_f")) {
        continue;
      }
      names.add(stored.name());
      TensorData tensor = Objects.requireNonNull(values.get(stored.name()), stored.name());
      float[] expected = tensor.toFloats();
      float[] found = new float[expected.length];
      long rows = tensor.shape().length == 1 ? 1 : tensor.shape()[0];
      reader.read(stored.name(), 0, rows, MemorySegment.ofArray(found));
      boolean gemma = values.containsKey("model.layers.0.pre_feedforward_layernorm.weight");
      for (int i = 0; i < found.length; i++) {
        boolean plusOne = gemma && stored.name().endsWith("norm.weight");
        float value = plusOne ? expected[i] + 1f - 1f : expected[i];
        assertTrue(found[i] == value, stored.name() + " element " + i);
      }
    }
    assertEquals(source.tensors().stream().map(TensorInfo::name).toList(), names);
  }

  private static void finish(String name, ObjectNode expected) throws IOException {
    Files.writeString(ARTIFACTS.resolve(name + ".json"), expected.toString());
  }
}

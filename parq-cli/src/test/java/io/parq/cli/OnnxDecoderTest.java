package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.export.FolderSource;
import io.parq.export.ModelReader.Stored;
import io.parq.export.ModelSource;
import io.parq.export.PackedSource;
import io.parq.export.SafetensorsQuantizer;
import io.parq.export.onnx.OnnxReader;
import io.parq.export.onnx.OnnxTarget;
import io.parq.export.onnx.OnnxWriter;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import io.parq.torch.CausalLm;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole decoders in ONNX Runtime against transformers' logits and LibTorch's. */
class OnnxDecoderTest {
  private static final float TOLERANCE = 1e-4f;
  private static final Path GOLDEN =
      Path.of(System.getProperty("basedir", ""))
          .toAbsolutePath()
          .resolveSibling("parq-torch/src/test/resources/golden");

  @TempDir Path folder;

  private static NamedTensors expected(String name) throws IOException {
    return SafetensorsReader.read(GOLDEN.resolve(name + ".expected.safetensors"));
  }

  private static long[][] ids(NamedTensors expected) {
    TensorData ids = expected.tensors().get("input_ids");
    long[] flat = ids.data().toArray(ValueLayout.JAVA_LONG_UNALIGNED);
    int tokens = (int) ids.shape()[1];
    long[][] rows = new long[(int) ids.shape()[0]][];
    for (int row = 0; row < rows.length; row++) {
      rows[row] = Arrays.copyOfRange(flat, row * tokens, (row + 1) * tokens);
    }
    return rows;
  }

  private Path export(ModelSource source, int level) throws IOException {
    Path out = folder.resolve("onnx");
    Set<String> told = new HashSet<>();
    try (source) {
      new OnnxWriter(new OnnxTarget(level))
          .write(
              source,
              out,
              (done, total, tensor) -> {
                boolean end = tensor.isEmpty();
                assertTrue(
                    end ? done == total : done >= 0 && done < total, () -> done + " of " + total);
                told.add(tensor);
              });
      for (TensorInfo tensor : source.tensors()) {
        assertTrue(told.contains(tensor.name()), tensor.name());
      }
    }
    assertTrue(Files.exists(out.resolve("config.json")));
    return out;
  }

  /** Prefill, and the same tokens in two parts and one by one. */
  private static void assertLogits(Path out, long[][] ids, float[] expected, int alone)
      throws OrtException {
    int tokens = ids[0].length;
    int vocabulary = expected.length / ids.length / tokens;
    try (OnnxDecoder decoder = new OnnxDecoder(out)) {
      assertArrayEquals(expected, decoder.logits(ids, 0), TOLERANCE);
      decoder.forget();
      decoder.logits(columns(ids, 0, tokens - alone), 0);
      for (int at = tokens - alone; at < tokens; at++) {
        float[] logits = decoder.logits(columns(ids, at, at + 1), at);
        for (int row = 0; row < ids.length; row++) {
          int from = (row * tokens + at) * vocabulary;
          assertArrayEquals(
              Arrays.copyOfRange(expected, from, from + vocabulary),
              Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary),
              TOLERANCE,
              "token " + at + " alone");
        }
      }
    }
  }

  private static long[][] columns(long[][] ids, int from, int to) {
    return Arrays.stream(ids).map(row -> Arrays.copyOfRange(row, from, to)).toArray(long[][]::new);
  }

  @ParameterizedTest
  @CsvSource({
    "llama, 23",
    "llama-biases, 23",
    "llama3, 23",
    "qwen2, 23",
    "qwen2-yarn, 23",
    "qwen3, 23",
    "phi3, 23",
    "phi3-longrope, 23",
    // Beyond the length at which frequencies change, keys made before it would differ.
    "phi3-longrope-beyond, 4",
    "gemma3, 23",
  })
  void logitsAreThoseOfTransformers(String name, int alone) throws Exception {
    Path out = export(FolderSource.open(GOLDEN.resolve(name)), 0);
    NamedTensors expected = expected(name);
    assertLogits(out, ids(expected), expected.tensors().get("logits").toFloats(), alone);
  }

  /** A packed model, and the folder of its dequantized values. */
  private Path quantize(String name, String linear, String embedding) throws IOException {
    Path plain = folder.resolve("model");
    try (CausalLm model = CausalLm.load(GOLDEN.resolve(name))) {
      model.save(plain);
    }
    Path dequantized = Files.createDirectory(folder.resolve("dequantized"));
    Files.copy(plain.resolve("config.json"), dequantized.resolve("config.json"));
    QuantConfig config = QuantConfig.parse(linear);
    QuantConfig embeddings = QuantConfig.parse(embedding);
    for (boolean values : new boolean[] {false, true}) {
      SafetensorsQuantizer.quantize(
          plain,
          values ? dequantized.resolve("model.safetensors") : folder.resolve("packed"),
          new SafetensorsQuantizer.Options(config, embeddings, null, values, false),
          (done, total, tensor) -> {});
    }
    return dequantized;
  }

  private ModelSource packed() throws IOException {
    return PackedSource.open(folder.resolve("packed"));
  }

  private static float[] logits(CausalLm model, long[][] ids) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      long[] flat = Arrays.stream(ids).flatMapToLong(Arrays::stream).toArray();
      Tensor logits = model.forward(Tensor.create(flat, ids.length, ids[0].length)).contiguous();
      float[] values = new float[(int) logits.numel()];
      logits.data_ptr_float().get(values);
      return values;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "llama, stretched:2 per-row bf16, symmetric:4 per-row bf16",
    "llama3, symmetric:3 group:16 fp32, asymmetric:4 group:16 fp32",
    "llama-biases, ternary per-row bf16, stretched:4 per-row bf16",
    "qwen2, asymmetric:4 group:16 fp16, symmetric:4 group:16 fp16",
    "qwen3, stretched:3 group:16 fp32, symmetric:8 per-row fp32",
    "phi3, asymmetric:2 group:8 fp32, stretched:3 group:8 fp32",
    "phi3-longrope, symmetric:2 per-tensor fp32, asymmetric:8 group:4 fp32",
    "gemma3, stretched:4 per-row fp32, stretched:2 group:16 e8m0",
  })
  void quantizedModelComputesWhatLibTorchDoes(String name, String linear, String embedding)
      throws Exception {
    Path dequantized = quantize(name, linear, embedding);
    Path out = export(packed(), 0);
    long[][] ids = ids(expected(name));
    try (CausalLm model = CausalLm.load(dequantized);
        OnnxReader reader = OnnxReader.open(out);
        SafetensorsReader values = SafetensorsReader.open(dequantized)) {
      assertLogits(out, ids, logits(model, ids), 23);
      // Beyond 32 tokens longrope's frequencies change, and keys made before stay as they are.
      int more = name.equals("phi3-longrope") ? 8 : 20;
      assertEquals(greedy(model, ids[0], more), greedy(out, ids[0], more));
      Set<String> names = new HashSet<>();
      for (Stored stored : reader.tensors()) {
        names.add(stored.name());
        float[] trained = values.tensor(stored.name()).toFloats();
        float[] read = new float[trained.length];
        int rows = stored.shape().size() < 2 ? 1 : stored.shape().getFirst().intValue();
        reader.read(stored.name(), 0, rows, MemorySegment.ofArray(read));
        assertArrayEquals(trained, read, stored.name());
      }
      assertEquals(new HashSet<>(values.tensors().stream().map(TensorInfo::name).toList()), names);
    }
  }

  private static int largest(float[] logits, int vocabulary) {
    int best = logits.length - vocabulary;
    for (int i = best; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best - (logits.length - vocabulary);
  }

  private static List<Long> greedy(CausalLm model, long[] prompt, int count) {
    long[] ids = prompt;
    for (int i = 0; i < count; i++) {
      float[] logits = logits(model, new long[][] {ids});
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = largest(logits, model.config().vocabSize());
    }
    return Arrays.stream(ids).boxed().toList();
  }

  private static List<Long> greedy(Path out, long[] prompt, int count) throws OrtException {
    long[] ids = prompt;
    try (OnnxDecoder decoder = new OnnxDecoder(out)) {
      float[] logits = decoder.logits(new long[][] {ids}, 0);
      int vocabulary = logits.length / ids.length;
      for (int i = 0; i < count; i++) {
        long next = largest(logits, vocabulary);
        ids = Arrays.copyOf(ids, ids.length + 1);
        ids[ids.length - 1] = next;
        logits = decoder.logits(new long[][] {{next}}, ids.length - 1);
      }
    }
    return Arrays.stream(ids).boxed().toList();
  }

  /** Activations of 8 bits: not the same logits, but near ones. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gemma3", "phi3"})
  void levelFourIsNear(String name) throws Exception {
    Path dequantized = quantize(name, "symmetric:4 group:16 fp32", "symmetric:4 group:16 fp32");
    Path out = export(packed(), 4);
    long[][] ids = ids(expected(name));
    try (CausalLm model = CausalLm.load(dequantized);
        OnnxDecoder decoder = new OnnxDecoder(out)) {
      float[] exact = logits(model, ids);
      float[] near = decoder.logits(ids, 0);
      double error = 0;
      double size = 0;
      for (int i = 0; i < exact.length; i++) {
        error += Math.pow(exact[i] - near[i], 2);
        size += Math.pow(exact[i], 2);
      }
      double ratio = Math.sqrt(error / size);
      assertTrue(ratio < 0.05 && ratio > 1e-7, "relative error " + ratio);
    }
  }

  /** Padding on the left changes nothing, in the prompt and after it. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gemma3", "qwen2-yarn"})
  void paddingOnTheLeftIsNotSeen(String name) throws Exception {
    Path out = export(FolderSource.open(GOLDEN.resolve(name)), 0);
    NamedTensors expected = expected(name);
    long[] ids = ids(expected)[0];
    int padding = 5;
    int tokens = 20;
    long[][] padded = new long[2][padding + tokens];
    long[][] mask = new long[2][padding + tokens];
    System.arraycopy(ids, 0, padded[0], padding, tokens);
    Arrays.fill(mask[0], padding, padding + tokens, 1);
    Arrays.fill(mask[1], 1);
    float[] reference = expected.tensors().get("logits").toFloats();
    int vocabulary = reference.length / 2 / ids.length;
    try (OnnxDecoder decoder = new OnnxDecoder(out)) {
      float[] logits = decoder.logits(padded, mask, 0);
      for (float value : logits) {
        assertTrue(Float.isFinite(value));
      }
      assertArrayEquals(
          Arrays.copyOf(reference, tokens * vocabulary),
          Arrays.copyOfRange(logits, padding * vocabulary, (padding + tokens) * vocabulary),
          TOLERANCE);
      long[][] longer = new long[2][padding + tokens + 1];
      Arrays.fill(longer[0], padding, longer[0].length, 1);
      Arrays.fill(longer[1], 1);
      float[] next = decoder.logits(new long[][] {{ids[tokens]}, {1}}, longer, padding + tokens);
      assertArrayEquals(
          Arrays.copyOfRange(reference, tokens * vocabulary, (tokens + 1) * vocabulary),
          Arrays.copyOf(next, vocabulary),
          TOLERANCE);
    }
  }

  /** A head that is the embedding takes no bytes of its own. */
  @Test
  void tiedHeadIsStoredOnce() throws Exception {
    quantize("qwen3", "stretched:3 per-row fp32", "symmetric:4 per-row fp32");
    Path out = export(packed(), 0);
    try (OnnxReader reader = OnnxReader.open(out)) {
      long bytes = reader.tensors().stream().mapToLong(Stored::bytes).sum();
      long file = Files.size(out.resolve("model.onnx.data"));
      assertTrue(file >= bytes && file < bytes + 64L * 3 * reader.tensors().size());
      assertFalse(reader.tensors().stream().anyMatch(t -> t.name().contains("lm_head")));
    }
  }

  /** What onnxruntime-genai looks for is there. */
  @Test
  void genaiConfigNamesTheGraphsInputsAndOutputs() throws Exception {
    Path out = export(FolderSource.open(GOLDEN.resolve("qwen3")), 0);
    JsonNode config = new ObjectMapper().readTree(out.resolve("genai_config.json").toFile());
    JsonNode decoder = config.path("model").path("decoder");
    Set<String> named = new HashSet<>();
    for (String list : List.of("inputs", "outputs")) {
      for (JsonNode name : decoder.path(list)) {
        for (int layer = 0; layer < decoder.path("num_hidden_layers").asInt(); layer++) {
          named.add(name.asText().replace("%d", String.valueOf(layer)));
        }
      }
    }
    try (OnnxDecoder graph = new OnnxDecoder(out)) {
      assertEquals(graph.names(), named);
    }
    assertEquals("qwen3", config.path("model").path("type").asText());
    assertEquals(96, config.path("model").path("vocab_size").asInt());
    assertEquals(16, decoder.path("head_size").asInt());
    assertFalse(config.path("search").path("past_present_share_buffer").asBoolean(true));
  }

  @Test
  void everythingThatDoesNotFitIsNamed() throws IOException {
    quantize("llama", "nf4 per-row fp32", "symmetric:4 per-row fp32");
    Path config = folder.resolve("model/config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replaceFirst("\"intermediate_size\" : 48", "\"intermediate_size\" : 64"));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> export(packed(), 0));
    String message = e.getMessage();
    assertTrue(message.contains("q_proj.weight: grid nf4, expected evenly spaced"), message);
    assertTrue(message.contains("up_proj.weight: shape [48, 32], expected [64, 32]"), message);
    assertFalse(Files.exists(folder.resolve("onnx")));
    Path tied = folder.resolve("model/config.json");
    Files.writeString(
        tied,
        Files.readString(tied)
            .replaceFirst("\"tie_word_embeddings\" : false", "\"tie_word_embeddings\" : true"));
    e = assertThrows(IllegalArgumentException.class, () -> export(packed(), 0));
    assertTrue(e.getMessage().contains("lm_head.weight: not a part of this model"));
  }
}

package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.FolderSource;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.LoadOptions;
import io.parq.torch.CausalLm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The runtime's logits and texts against LibTorch's. */
class RuntimeTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final float TOLERANCE = 1e-4f;

  /** Of quantized activations. */
  private static final float QUANTIZED = 1e-3f;

  /** The same where a value on the edge of two codes, which are a step apart, goes either way. */
  private static final float STEP = 0.1f;

  private static final int TOKENS = 40;
  private static final int SHORT = 4;
  private static final Path GOLDEN =
      Path.of(System.getProperty("basedir", ""))
          .toAbsolutePath()
          .resolveSibling("parq-torch/src/test/resources/golden");

  @TempDir private Path folder = Path.of("");

  static List<String> models() {
    return List.of(
        "llama",
        "llama-biases",
        "llama3",
        "qwen2",
        "qwen2-yarn",
        "qwen3",
        "phi3",
        "phi3-longrope",
        "phi3-longrope-beyond",
        "gemma3",
        "gemma3-multimodal");
  }

  private static int[] ids(int vocabulary) {
    return new SplittableRandom(11).ints(TOKENS, 0, vocabulary).toArray();
  }

  @SuppressWarnings("restricted")
  private static float[] logits(CausalLm model, int[] ids) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      long[] wide = Arrays.stream(ids).asLongStream().toArray();
      Tensor logits = model.forward(Tensor.create(wide).view(1, ids.length)).contiguous();
      float[] values = new float[Math.toIntExact(logits.numel())];
      logits.data_ptr_float().get(values);
      return values;
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAreThoseOfLibTorch(String name) throws IOException {
    Path path = GOLDEN.resolve(name);
    try (LanguageModel own = LanguageModel.load(path);
        CausalLm model = CausalLm.load(path)) {
      int[] ids = ids(model.config().vocabSize());
      assertArrayEquals(logits(model, ids), own.logits(ids), TOLERANCE, name);
    }
  }

  /** A copy whose inputs of layers are quantized; a multimodal one has them in its text part. */
  private Path quantizing(String name, String activations) throws IOException {
    Path copy = Files.createDirectories(folder.resolve(name));
    try (Stream<Path> files = Files.list(GOLDEN.resolve(name))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    Path file = copy.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(Files.readString(file));
    ObjectNode text = config.get("text_config") instanceof ObjectNode part ? part : config;
    text.putObject("parq").put("activations", activations);
    Files.writeString(file, config.toString());
    return copy;
  }

  @ParameterizedTest
  @MethodSource("models")
  void activationsAreQuantizedAsInTraining(String name) throws IOException {
    Path path = quantizing(name, "int8-asym-per-token");
    try (LanguageModel own = LanguageModel.load(path);
        LanguageModel unquantized =
            LanguageModel.load(path, LoadOptions.DEFAULTS.withFloatActivations(true));
        CausalLm model = CausalLm.load(path)) {
      assertQuantized(model, own, name);
      int[] ids = ids(model.config().vocabSize());
      assertTrue(Arrays.mismatch(own.logits(ids), unquantized.logits(ids)) >= 0);
    }
  }

  /** A token at a time and all at once, from codes of 1 to 8 bits. */
  @ParameterizedTest
  @CsvSource({
    "llama, stretched:2 per-row bf16, int8-asym-per-token",
    "llama, stretched:3 per-row bf16, int8-asym-per-token",
    "llama, symmetric:4 group:16 bf16, int8-sym-per-token",
    "qwen2, symmetric:4 per-row bf16, int8-asym-per-token",
    "qwen3, ternary per-row bf16, int8-asym-per-token",
    "phi3, symmetric:8 per-row bf16, int8-asym-per-token",
    "gemma3, asymmetric:4 group:16 bf16, int8-asym-per-token"
  })
  void packedModelsContinueAsLibTorchDoes(String name, String config, String activations)
      throws IOException {
    Path path = quantizing(name, activations);
    Path packed = folder.resolve("m.parq.safetensors");
    QuantConfig quantization = QuantConfig.parse(config);
    try (ModelSource source = FolderSource.quantizing(path, quantization, quantization, null)) {
      Formats.writer("parq", WriteOptions.DEFAULT).write(source, packed, ModelWriter.Progress.NONE);
    }
    for (boolean floats : new boolean[] {true, false}) {
      LoadOptions options = LoadOptions.DEFAULTS.withConfig(path).withFloatActivations(floats);
      try (LanguageModel own = LanguageModel.load(packed, options);
          LoadedModel loaded = torch(packed, path, floats)) {
        if (floats) {
          int[] ids = ids(own.config().vocabSize());
          assertArrayEquals(logits(loaded.model(), ids), own.logits(ids), TOLERANCE, config);
        } else {
          assertQuantized(loaded.model(), own, config);
        }
      }
    }
  }

  /**
   * Edges are rare; all tokens after one that is on an edge see it, so sequences are short here.
   */
  private static void assertQuantized(CausalLm model, LanguageModel own, String name) {
    int[] ids = ids(own.config().vocabSize());
    int size = own.config().vocabSize();
    int far = 0;
    for (int from = 0; from < TOKENS; from += SHORT) {
      int[] sequence = Arrays.copyOfRange(ids, from, from + SHORT);
      float[] expected = logits(model, sequence);
      float[] found = own.logits(sequence);
      assertArrayEquals(expected, found, STEP, name);
      for (int token = 0; token < SHORT; token++) {
        float most = 0;
        for (int i = token * size; i < (token + 1) * size; i++) {
          most = Math.max(most, Math.abs(expected[i] - found[i]));
        }
        far += most > QUANTIZED ? 1 : 0;
      }
    }
    assertTrue(far <= TOKENS / 5, name + ": " + far + " tokens differ by more than " + QUANTIZED);
  }

  private LoadedModel torch(Path packed, Path config, boolean floats) throws IOException {
    Files.copy(
        GOLDEN.resolve("tokenizer/tokenizer.json"),
        config.resolve("tokenizer.json"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    LoadedModel loaded = LoadedModel.of(packed, config);
    if (floats) {
      loaded.model().keepActivations();
    }
    return loaded;
  }

  /** The same text, token by token with a cache and all over again without. */
  @ParameterizedTest
  @MethodSource("models")
  void greedyTokensAreThoseOfLibTorch(String name) throws IOException {
    Path path = GOLDEN.resolve(name);
    try (LanguageModel own = LanguageModel.load(path);
        CausalLm model = CausalLm.load(path)) {
      ModelConfig config = own.config();
      assertEquals(config.family() == Family.GEMMA3, name.startsWith("gemma3"));
      int[] ids = Arrays.copyOf(ids(config.vocabSize()), 8);
      for (int i = 0; i < 24; i++) {
        int[] next = Arrays.copyOf(ids, ids.length + 1);
        next[ids.length] = last(logits(model, ids), config.vocabSize());
        assertEquals(next[ids.length], last(own.logits(ids), config.vocabSize()), "token " + i);
        ids = next;
      }
    }
  }

  private static int last(float[] logits, int vocabulary) {
    int best = logits.length - vocabulary;
    for (int i = best; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best - (logits.length - vocabulary);
  }
}

package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.model.ModelConfig;
import io.parq.export.text.Generation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** GGUF files run as what they were written from. */
class GgufModelsTest {
  private static final float TOLERANCE = 1e-4f;
  private static final char SPACE = '\u2581';
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder = Path.of("");

  /** What GGUF has no place for is changed in the configuration. */
  private Path adapted(String name) throws IOException {
    Path copy = Files.createDirectories(folder.resolve(name));
    try (Stream<Path> files = Files.list(TestModels.GOLDEN.resolve(name))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    Path file = copy.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(Files.readString(file));
    if (name.equals("qwen2-yarn")) {
      config.put("use_sliding_window", false).putNull("sliding_window").remove("layer_types");
    } else if (name.equals("gemma3")) {
      config.put("query_pre_attn_scalar", config.get("head_dim").intValue());
    } else if (name.equals("gemma3-multimodal")) {
      ObjectNode text = (ObjectNode) config.get("text_config");
      text.put("query_pre_attn_scalar", ModelConfig.read(copy).headDim());
    }
    Files.writeString(file, config.toString());
    return copy;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama",
        "llama-biases",
        "llama3",
        "qwen2",
        "qwen2-yarn",
        "qwen3",
        "phi3",
        "phi3-longrope",
        "phi3-longrope-beyond",
        "gemma3"
      })
  void everyFamily(String name) throws IOException {
    Path own = adapted(name);
    Path file = TestModels.write(own, folder.resolve(name + ".gguf"), "gguf", "", "");
    try (LanguageModel expected = LanguageModel.load(own);
        LanguageModel model = LanguageModel.load(file)) {
      int[] ids = TestModels.ids(40, model.config().vocabSize());
      assertArrayEquals(expected.logits(ids), model.logits(ids), TOLERANCE, name);
      assertEquals(expected.weightBytes(), model.weightBytes());
      assertEquals(expected.config().tiedHead(), model.config().tiedHead());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "symmetric:2 per-row fp16, 1",
    "symmetric:2 group:64 bf16, 1",
    "symmetric:3 per-row bf16, 1",
    "symmetric:4 per-row bf16, 1",
    "symmetric:4 group:32 fp16, 1",
    "symmetric:5 per-row fp16, 1",
    "symmetric:6 per-row fp16, 1",
    "symmetric:8 group:32 fp16, 1",
    "stretched:2 per-row bf16, 1",
    "stretched:2 group:32 fp16, 2",
    "stretched:3 per-row fp16, 1.5",
    "stretched:4 per-row bf16, 1",
    "stretched:4 group:32 fp16, 2",
    "stretched:5 per-row fp16, 1",
    "ternary per-row bf16, 1",
    "asymmetric:2 per-row fp16, 1",
    "asymmetric:4 per-row fp16, 1",
    "asymmetric:4 group:32 fp16, 2",
    "lsbq-optimal-ternary per-tensor fp16, 1",
    "fp4 group:32 e8m0, 1",
    "fp4 group:16 e4m3, 1"
  })
  void codesStayCodes(String config, double room) throws IOException {
    Path own = TestModels.random(folder.resolve("random"), false);
    String embedding = config.endsWith("e4m3") ? "symmetric:4 per-row bf16" : config;
    Path packed =
        TestModels.write(own, folder.resolve("m.parq.safetensors"), "parq", config, embedding);
    Path file = TestModels.write(own, folder.resolve("m.gguf"), "gguf", config, embedding);
    LoadOptions options = LoadOptions.DEFAULTS.withConfig(own);
    try (LanguageModel expected = LanguageModel.load(packed, options);
        LanguageModel model = LanguageModel.load(file)) {
      int[] ids = TestModels.ids(12, TestModels.VOCABULARY);
      assertArrayEquals(expected.logits(ids), model.logits(ids), TOLERANCE, config);
      // One scale a row again, and no more bits than the file's encoding has.
      assertTrue(
          model.weightBytes() <= room * 1.02 * expected.weightBytes(),
          model.weightBytes() + " bytes, packed " + expected.weightBytes());
    }
  }

  /** Formats without codes of ours are decoded, with the configuration beside them. */
  @ParameterizedTest
  @ValueSource(strings = {"torchao", "safetensors", "onnx"})
  void otherFormats(String target) throws IOException {
    Path own = TestModels.random(folder.resolve("random"), true);
    String config = "symmetric:4 group:32 bf16";
    Path packed =
        TestModels.write(own, folder.resolve("m.parq.safetensors"), "parq", config, config);
    Path out = TestModels.write(own, folder.resolve(target), target, config, config);
    LoadOptions options = LoadOptions.DEFAULTS.withConfig(own);
    try (LanguageModel expected = LanguageModel.load(packed, options);
        LanguageModel model = LanguageModel.load(out, options)) {
      int[] ids = TestModels.ids(12, TestModels.VOCABULARY);
      assertArrayEquals(expected.logits(ids), model.logits(ids), TOLERANCE, target);
    }
  }

  @Test
  void byteLevelTokenizer() throws IOException {
    Path own = TestModels.random(folder.resolve("random"), true);
    Files.copy(
        TestModels.GOLDEN.resolve("tokenizer/tokenizer.json"), own.resolve("tokenizer.json"));
    assertSameTokens(own, "LATIN LETTER OMEGA", "one<|end|>two");
  }

  /** Pairs of pieces, with bytes to fall back on, and a space before each text. */
  @Test
  void sentencePieceTokenizer() throws IOException {
    Path own = TestModels.random(folder.resolve("random"), true);
    Files.writeString(own.resolve("tokenizer.json"), sentencePiece());
    assertSameTokens(own, "the cat and the other cat", "Don't  do that</s>");
  }

  private static String sentencePiece() {
    StringBuilder vocabulary = new StringBuilder("\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2");
    int id = 3;
    for (; id < 259; id++) {
      vocabulary.append(", \"<0x%02X>\": %d".formatted(id - 3, id));
    }
    List<String> merges = List.of("_ t", "h e", "_t he", "c a", "ca t", "_ cat", "a n", "_ _");
    for (String merge : merges) {
      vocabulary.append(", \"%s\": %d".formatted(merge.replace(" ", ""), id++));
    }
    for (char letter : "_thecadonr".toCharArray()) {
      vocabulary.append(", \"%s\": %d".formatted(letter, id++));
    }
    String special =
        "{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false,"
            + " \"rstrip\": false, \"normalized\": false, \"special\": true}";
    return """
        {"version": "1.0", "truncation": null, "padding": null,
         "added_tokens": [%s, %s, %s],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
           {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
         "pre_tokenizer": null, "post_processor": null,
         "decoder": {"type": "Sequence", "decoders": [
           {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
           {"type": "ByteFallback"}, {"type": "Fuse"},
           {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
         "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
           "vocab": {%s}, "merges": ["%s"]}}
        """
        .formatted(
            special.formatted(0, "<unk>"),
            special.formatted(1, "<s>"),
            special.formatted(2, "</s>"),
            vocabulary.toString().replace('_', SPACE),
            String.join("\", \"", merges).replace('_', SPACE));
  }

  private void assertSameTokens(Path own, String... texts) throws IOException {
    Path file = TestModels.write(own, folder.resolve("m.gguf"), "gguf", "", "");
    try (LanguageModel expected = LanguageModel.load(own);
        LanguageModel model = LanguageModel.load(file)) {
      for (String text :
          Stream.concat(
                  Arrays.stream(texts),
                  Stream.of(
                      "", " ", "\n\n\ttwo  spaces ", "na\u00efve \u65e5\u672c\u8a9e \ud83d\ude00"))
              .toList()) {
        int[] ids = expected.encode(text);
        assertArrayEquals(ids, model.encode(text), text);
        assertEquals(expected.decode(ids), model.decode(ids));
      }
      Generation greedy = Generation.greedy(12);
      assertEquals(
          expected.generate("the", greedy, _ -> {}).text(),
          model.generate("the", greedy, _ -> {}).text());
    }
  }

  @Test
  void badFilesAreNamed() throws IOException {
    Path own = TestModels.random(folder.resolve("random"), true);
    Path file = TestModels.write(own, folder.resolve("m.gguf"), "gguf", "", "");
    byte[] bytes = Files.readAllBytes(file);
    assertFails(
        replaced(bytes, "llama", "lamma"),
        "general.architecture: lamma, expected one of [llama, qwen2");
    assertFails(
        replaced(bytes, "block_count", "block_caunt"),
        "llama.block_count: missing, expected a whole number");
    assertFails(replaced(bytes, "blk.1.ffn_up", "blk.1.ffn_ap"), "mlp.up_proj.weight: not found");
    assertFails(Arrays.copyOf(bytes, bytes.length / 2), "expected a multiple of 32 and the end");
    assertFails(Arrays.copyOf(bytes, 100), "20 tensors, expected at most");
    assertFails(replaced(bytes, "tokenizer.ggml.model", "tokenizer.ggml.madel"), "");
  }

  private static byte[] replaced(byte[] bytes, String from, String to) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    assertTrue(text.contains(from), from);
    return text.replaceFirst(from, to).getBytes(StandardCharsets.ISO_8859_1);
  }

  /** An empty expectation is a model that computes, but cannot read text. */
  private void assertFails(byte[] bytes, String expected) throws IOException {
    Path file = Files.write(folder.resolve("bad.gguf"), bytes);
    if (expected.isEmpty()) {
      try (LanguageModel model = LanguageModel.load(file)) {
        assertTrue(model.logits(new int[] {1}).length > 0);
      }
      return;
    }
    IOException e = assertThrows(IOException.class, () -> LanguageModel.load(file).close());
    assertTrue(String.valueOf(e.getMessage()).startsWith(file + ": "), e.getMessage());
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}

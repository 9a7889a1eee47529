package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A cache gives the same model, and only for the files that it was made from. */
class MatrixCacheTest {
  private static final LoadOptions DEFAULTS = LoadOptions.DEFAULTS;

  @TempDir private Path folder = Path.of("");

  private static LanguageModel load(Path path, LoadOptions options) throws IOException {
    return LanguageModel.load(path, options, 0);
  }

  private static float[] logits(LanguageModel model) {
    return model.logits(TestModels.ids(9, model.config().vocabSize()));
  }

  private static List<Path> caches(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().contains("parq-cache")).toList();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'', ''",
    "stretched:2 per-row bf16, symmetric:4 per-row bf16",
    "stretched:3 per-row bf16, symmetric:8 per-row bf16",
    "asymmetric:4 group:32 bf16, asymmetric:5 group:32 bf16",
    "nf4 group:64 fp32, lsbq-greedy:2 per-row fp32"
  })
  void theSecondTimeItIsThere(String config, String embedding) throws IOException {
    Path own = TestModels.random(folder.resolve("own"), false);
    Path path = own;
    if (!config.isEmpty()) {
      path = TestModels.write(own, folder.resolve("m.parq.safetensors"), "parq", config, embedding);
    }
    Path place = path.equals(own) ? own : folder;
    LoadOptions options = DEFAULTS.withConfig(own);
    float[] expected;
    long bytes;
    try (LanguageModel model = load(path, options.withoutCache())) {
      expected = logits(model);
      bytes = model.weightBytes();
      assertEquals(List.of(), caches(place));
    }
    for (int time = 0; time < 3; time++) {
      try (LanguageModel model = load(path, options)) {
        assertEquals(time > 0, model.isCached());
        assertArrayEquals(expected, logits(model));
        assertEquals(bytes, model.weightBytes());
      }
      assertEquals(1, caches(place).size());
    }
  }

  @Test
  void changesAreNoticed() throws IOException {
    Path own = TestModels.random(folder.resolve("own"), true);
    Path file = own.resolve("model.safetensors");
    load(own, DEFAULTS).close();
    assertCached(true, own);
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
    assertCached(false, own);
    assertCached(true, own);
    Path cache = caches(own).getFirst();
    byte[] bytes = Files.readAllBytes(cache);
    for (int length : new int[] {0, 7, 100, bytes.length / 2, bytes.length - 1}) {
      Files.write(cache, java.util.Arrays.copyOf(bytes, length));
      assertCached(false, own);
      assertCached(true, own);
    }
    bytes[3] ^= 1;
    Files.write(cache, bytes);
    assertCached(false, own);
    assertEquals(3, Files.mismatch(cache, Files.write(folder.resolve("old"), bytes)));
  }

  private static void assertCached(boolean cached, Path path) throws IOException {
    try (LanguageModel model = load(path, DEFAULTS)) {
      assertEquals(cached, model.isCached());
      assertTrue(Float.isFinite(logits(model)[0]));
    }
  }

  @Test
  void anotherFolderOrNone() throws IOException {
    Path own = TestModels.random(folder.resolve("own"), true);
    Path other = folder.resolve("deep/caches");
    load(own, DEFAULTS.withCache(other)).close();
    assertEquals(List.of(), caches(own));
    assertEquals(1, caches(other).size());
    try (LanguageModel model = load(own, DEFAULTS.withCache(other))) {
      assertTrue(model.isCached());
    }
    // A file where the folder should be: the model runs all the same.
    Path file = Files.writeString(folder.resolve("file"), "");
    try (LanguageModel model = load(own, DEFAULTS.withCache(file))) {
      assertFalse(model.isCached());
      assertTrue(Float.isFinite(logits(model)[0]));
    }
    // What takes no time to repack is not kept.
    LanguageModel.load(own).close();
    assertEquals(List.of(), caches(own));
  }

  @Test
  void ofGguf() throws IOException {
    Path own = TestModels.random(folder.resolve("own"), true);
    String config = "stretched:2 per-row bf16";
    Path file = TestModels.write(own, folder.resolve("m.gguf"), "gguf", config, config);
    load(file, DEFAULTS).close();
    try (LanguageModel model = load(file, DEFAULTS);
        LanguageModel expected = load(file, DEFAULTS.withoutCache())) {
      assertTrue(model.isCached());
      assertArrayEquals(logits(expected), logits(model));
      assertEquals(List.of(folder.resolve("m.gguf.parq-cache")), caches(folder));
    }
  }
}

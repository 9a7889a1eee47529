package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits against transformers', at once and a token at a time, by plain loops and by vectors. */
class GoldenLogitsTest {
  private static final float TOLERANCE = 1e-4f;
  private static final Path GOLDEN =
      Path.of(System.getProperty("basedir", ""))
          .toAbsolutePath()
          .resolveSibling("parq-torch/src/test/resources/golden");

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
        "gemma3",
        "gemma3-multimodal"
      })
  void logitsAreThoseOfTransformers(String name) throws IOException {
    assertLogits(name);
    Chosen.vectorsFrom = 0;
    try {
      assertLogits(name);
    } finally {
      Chosen.vectorsFrom = Chosen.WORTH_VECTORS;
    }
  }

  private static void assertLogits(String name) throws IOException {
    NamedTensors expected = SafetensorsReader.read(GOLDEN.resolve(name + ".expected.safetensors"));
    TensorData ids = Objects.requireNonNull(expected.tensors().get("input_ids"));
    float[] logits = Objects.requireNonNull(expected.tensors().get("logits")).toFloats();
    int tokens = (int) ids.shape()[1];
    int sequences = (int) ids.shape()[0];
    long[] flat = ids.data().toArray(ValueLayout.JAVA_LONG_UNALIGNED);
    try (LanguageModel model = LanguageModel.load(GOLDEN.resolve(name))) {
      assertTrue(model.weightBytes() > 0 && model.startNanos() > 0);
      int vocabulary = model.config().vocabSize();
      for (int i = 0; i < sequences; i++) {
        int[] sequence =
            LongStream.of(Arrays.copyOfRange(flat, i * tokens, (i + 1) * tokens))
                .mapToInt(Math::toIntExact)
                .toArray();
        float[] own =
            Arrays.copyOfRange(logits, i * tokens * vocabulary, (i + 1) * tokens * vocabulary);
        assertArrayEquals(own, model.logits(sequence), TOLERANCE, name);
        // All tokens of a sequence have the frequencies of its length: short ones differ.
        boolean depends = name.equals("phi3-longrope-beyond");
        assertSteps(model.decoder(), sequence, own, depends ? tokens - 1 : tokens / 2);
      }
    }
  }

  private static void assertSteps(Decoder decoder, int[] ids, float[] logits, int from) {
    int vocabulary = decoder.config().vocabSize();
    KeyValueCache cache = decoder.newCache();
    for (int length = from; length <= ids.length; length++) {
      float[] next = decoder.read(ids, length, cache, false);
      assertEquals(length, cache.length());
      if (length == ids.length || from < ids.length - 1) {
        int at = (length - 1) * vocabulary;
        assertArrayEquals(
            Arrays.copyOfRange(logits, at, at + vocabulary), next, TOLERANCE, "token " + length);
      }
    }
  }

  @Test
  void argumentsAreChecked() throws IOException {
    try (LanguageModel model = LanguageModel.load(GOLDEN.resolve("llama"))) {
      int vocabulary = model.config().vocabSize();
      assertThrows(IllegalArgumentException.class, () -> model.logits(new int[0]));
      assertThrows(IllegalArgumentException.class, () -> model.logits(new int[] {vocabulary}));
      assertThrows(IllegalArgumentException.class, () -> model.logits(new int[] {-1}));
    }
    assertThrows(IOException.class, () -> LanguageModel.load(GOLDEN.resolve("none")));
  }
}

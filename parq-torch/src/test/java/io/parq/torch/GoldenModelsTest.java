package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Logits against transformers', for every family and variant, in both spellings. */
class GoldenModelsTest {
  private static final double TOLERANCE = 1e-4;

  @BeforeAll
  static void threads() {
    Torch.setThreads(2);
  }

  static List<String> models() {
    return Golden.MODELS;
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAreThoseOfTransformers(String name) throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder(name))) {
      double difference = Golden.difference(model, name);
      assertTrue(difference <= TOLERANCE, () -> name + ": logits differ by " + difference);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void theOldSpellingMeansTheSame(String name, @TempDir Path folder) throws IOException {
    try (CausalLm model = CausalLm.load(Golden.oldSpelling(name, folder.resolve(name)))) {
      double difference = Golden.difference(model, name);
      assertTrue(difference <= TOLERANCE, () -> name + ": logits differ by " + difference);
    }
  }
}

package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.parq.runtime.LanguageModel;
import io.parq.torch.CausalLm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The runtime's logits against LibTorch's. */
class RuntimeTest {
  private static final float TOLERANCE = 1e-4f;
  private static final int TOKENS = 40;
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
  @SuppressWarnings("restricted")
  void logitsAreThoseOfLibTorch(String name) throws IOException {
    Path folder = GOLDEN.resolve(name);
    try (LanguageModel own = LanguageModel.load(folder);
        CausalLm model = CausalLm.load(folder);
        PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      SplittableRandom random = new SplittableRandom(11);
      int[] ids = random.ints(TOKENS, 0, model.config().vocabSize()).toArray();
      long[] wide = java.util.Arrays.stream(ids).asLongStream().toArray();
      Tensor logits = model.forward(Tensor.create(wide).view(1, TOKENS)).contiguous();
      float[] expected = new float[Math.toIntExact(logits.numel())];
      logits.data_ptr_float().get(expected);
      assertArrayEquals(expected, own.logits(ids), TOLERANCE, name);
    }
  }
}

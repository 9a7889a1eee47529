package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;

/** The models that reference/torch_models.py makes, and what transformers computes with them. */
final class Golden {
  static final List<String> MODELS =
      List.of(
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

  private Golden() {}

  static Path folder(String name) {
    URL url = Objects.requireNonNull(Golden.class.getResource("/golden/SOURCE.txt"));
    try {
      return Path.of(url.toURI()).resolveSibling(name);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** A copy whose config.json is in the spelling before transformers 5. */
  static Path oldSpelling(String name, Path to) throws IOException {
    copy(folder(name), to);
    Files.move(
        to.resolve("config.old.json"),
        to.resolve("config.json"),
        StandardCopyOption.REPLACE_EXISTING);
    return to;
  }

  static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  static NamedTensors expected(String name) throws IOException {
    return SafetensorsReader.read(folder(name + ".expected.safetensors"));
  }

  static float[] logits(CausalLm model, NamedTensors expected) {
    TensorData ids = Objects.requireNonNull(expected.tensors().get("input_ids"));
    try (PointerScope _ = new PointerScope()) {
      NoGradGuard guard = new NoGradGuard();
      Tensor input =
          Tensor.create(ids.data().toArray(ValueLayout.JAVA_LONG_UNALIGNED), ids.shape());
      Tensor logits = model.forward(input);
      guard.close();
      return floats(logits);
    }
  }

  static float[] floats(Tensor tensor) {
    MemorySegment memory = Torch.memory(tensor.contiguous());
    return memory.toArray(ValueLayout.JAVA_FLOAT);
  }

  /** The largest difference between logits and what transformers computes. */
  static double difference(CausalLm model, String name) throws IOException {
    NamedTensors expected = expected(name);
    float[] reference = Objects.requireNonNull(expected.tensors().get("logits")).toFloats();
    float[] logits = logits(model, expected);
    assertTrue(logits.length == reference.length, "number of logits");
    double largest = 0;
    for (int i = 0; i < logits.length; i++) {
      double difference = Math.abs((double) logits[i] - reference[i]);
      largest = Double.isNaN(difference) ? Double.NaN : Math.max(largest, difference);
    }
    return largest;
  }

  /** All parameters, copied. */
  static Map<String, float[]> weights(CausalLm model) {
    Map<String, float[]> weights = new TreeMap<>();
    try (PointerScope _ = new PointerScope()) {
      StringTensorDict parameters = model.named_parameters();
      for (long i = 0; i < parameters.size(); i++) {
        weights.put(parameters.get(i).key().getString(), floats(parameters.get(i).value()));
      }
    }
    return weights;
  }

  static void assertSameWeights(CausalLm expected, CausalLm actual) {
    Map<String, float[]> weights = weights(actual);
    assertTrue(weights.keySet().equals(weights(expected).keySet()), "names");
    weights(expected).forEach((name, values) -> assertSameBits(values, weights.get(name)));
  }

  static void assertSameBits(float[] expected, float[] actual) {
    assertArrayEquals(bits(expected), bits(actual));
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}

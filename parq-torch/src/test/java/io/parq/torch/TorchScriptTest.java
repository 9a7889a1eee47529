package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.optim.Parameter;
import io.parq.optim.Parameter.Kind;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.named_parameter_iterator;
import org.bytedeco.pytorch.named_parameter_list;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that Python's PyTorch wrote: see {@code reference/torch_script.py}. */
final class TorchScriptTest {
  private static final String SHA_256 =
      "d64ce4f0b7a53c3b7a8b174b3ca36a36eb3d563a92b2d4937a4ad1857a889801";

  @TempDir private static Path folder;

  @BeforeAll
  static void oneThread() {
    org.bytedeco.pytorch.global.torch.set_num_threads(1);
  }

  private static JitModule load() {
    Path file = folder.resolve("tied_lm.pt");
    try (InputStream resource = TorchScriptTest.class.getResourceAsStream("tied_lm.pt")) {
      byte[] bytes = resource.readAllBytes();
      String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
      assertEquals(SHA_256, digest);
      Files.write(file, bytes);
    } catch (IOException | java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
    return org.bytedeco.pytorch.global.torch.load(file.toString());
  }

  private static TensorVector tensors(JitModule module) {
    TensorVector tensors = new TensorVector();
    named_parameter_list list = module.named_parameters(true);
    named_parameter_iterator end = list.end();
    for (named_parameter_iterator i = list.begin(); i.notEquals(end); i.increment()) {
      tensors.push_back(i.access().value());
    }
    return tensors;
  }

  private static double backward(JitModule module) {
    try (PointerScope _ = new PointerScope()) {
      IValueVector inputs = new IValueVector(new IValue(TorchNets.inputs()));
      Tensor loss = TorchNets.loss(module.forward(inputs).toTensor());
      loss.backward();
      return loss.item_double();
    }
  }

  @Test
  void tellsKindsAndTies() {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    List<Long> addresses = new ArrayList<>();
    for (Parameter parameter : TorchParameters.of(load()).parameters()) {
      kinds.put(parameter.name(), parameter.kind());
      if (parameter.name().endsWith("head.weight") || parameter.name().startsWith("tokens")) {
        addresses.add(parameter.weights().address());
      }
    }
    assertEquals(
        Map.of(
            "tokens.weight", Kind.EMBEDDING,
            "up.weight", Kind.LINEAR,
            "up.bias", Kind.BIAS,
            "down.weight", Kind.LINEAR,
            "norm.weight", Kind.NORM,
            "norm.bias", Kind.NORM,
            "head.weight", Kind.LINEAR),
        kinds);
    assertEquals(2, addresses.size());
    assertEquals(addresses.getFirst(), addresses.getLast());
  }

  @Test
  void trainsToTwoBits() {
    JitModule module = load();
    TorchQuantOptimizer optimizer =
        TorchQuantOptimizer.builder(module)
            .base(new AdamW(tensors(module), new AdamWOptions(1e-2)))
            .quantize(ParameterFilter.linear(), QuantConfig.of(2))
            .quantize(ParameterFilter.embedding(), QuantConfig.of(4))
            .prox(ProxMap.parq(10, 100))
            .build();
    double first = 0;
    double last = 0;
    for (int step = 0; step < 150; step++) {
      optimizer.zero_grad();
      last = backward(module);
      first = step == 0 ? last : first;
      optimizer.step();
    }
    assertTrue(last < 0.2 * first, first + " -> " + last);
    Map<String, QuantizedTensor> quantized = optimizer.quantized();
    // The tied head is the embedding's weight, under its kind and configuration.
    assertEquals(
        List.of("tokens.weight", "up.weight", "down.weight").stream().sorted().toList(),
        quantized.keySet().stream().sorted().toList());
    for (Parameter parameter : TorchParameters.of(module).parameters()) {
      QuantizedTensor q = quantized.get(parameter.name());
      if (q != null) {
        assertArrayEquals(
            parameter.weights().toArray(ValueLayout.JAVA_FLOAT), q.dequantize(), parameter.name());
      }
    }
  }
}

package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.Parameter.Kind;
import io.parq.optim.ParameterFilter;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BatchNorm2dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.GroupNormImpl;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TorchParametersTest {
  @BeforeAll
  static void oneThread() {
    org.bytedeco.pytorch.global.torch.set_num_threads(1);
  }

  private static final class Zoo extends Module {
    Zoo() {
      Module block = register_module("block", new Module());
      block.register_module("conv", new Conv2dImpl(new Conv2dOptions(3, 4, new LongPointer(2, 2))));
      block.register_module("batch", new BatchNorm2dImpl(new BatchNormOptions(4)));
      block.register_module("group", new GroupNormImpl(2, 4));
      Module own = block.register_module("input_norm", new Module());
      own.register_parameter("weight", zeros(4));
      Module named = block.register_module("post", new Module("RMSNorm"));
      named.register_parameter("weight", zeros(4));
      block.register_parameter("scale", zeros(4));
      block.register_parameter("in_proj_bias", zeros(4));
      register_module("head", new LinearImpl(4, 4));
      register_module("tokens", new EmbeddingImpl(5, 4));
      register_parameter("frozen", zeros(3), false);
    }
  }

  @Test
  void tellsKindsByTheOwningModule() {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    for (Parameter parameter : TorchParameters.of(new Zoo()).parameters()) {
      kinds.put(parameter.name(), parameter.kind());
    }
    assertEquals(
        Map.ofEntries(
            Map.entry("block.scale", Kind.OTHER),
            Map.entry("block.in_proj_bias", Kind.BIAS),
            Map.entry("block.conv.weight", Kind.CONVOLUTION),
            Map.entry("block.conv.bias", Kind.BIAS),
            Map.entry("block.batch.weight", Kind.NORM),
            Map.entry("block.batch.bias", Kind.NORM),
            Map.entry("block.group.weight", Kind.NORM),
            Map.entry("block.group.bias", Kind.NORM),
            Map.entry("block.input_norm.weight", Kind.NORM),
            Map.entry("block.post.weight", Kind.NORM),
            Map.entry("head.weight", Kind.LINEAR),
            Map.entry("head.bias", Kind.BIAS),
            Map.entry("tokens.weight", Kind.EMBEDDING)),
        kinds);
  }

  @ParameterizedTest
  @CsvSource({
    "__torch__.torch.nn.modules.linear.Linear, LINEAR",
    "__torch__.torch.nn.modules.linear.___torch_mangle_0.Linear, LINEAR",
    "__torch__.torch.nn.modules.linear.___torch_mangle_12.NonDynamicallyQuantizableLinear, LINEAR",
    "__torch__.torch.nn.modules.linear.Bilinear, OTHER",
    "__torch__.torch.nn.modules.sparse.Embedding, EMBEDDING",
    "__torch__.torch.nn.modules.sparse.___torch_mangle_3.EmbeddingBag, EMBEDDING",
    "__torch__.torch.nn.modules.conv.Conv1d, CONVOLUTION",
    "__torch__.torch.nn.modules.conv.ConvTranspose3d, CONVOLUTION",
    "__torch__.torch.nn.modules.normalization.LayerNorm, NORM",
    "__torch__.torch.nn.modules.batchnorm.BatchNorm2d, NORM",
    "__torch__.somewhere.models.___torch_mangle_7.MyRMSNorm, NORM",
    "__torch__.somewhere.Linear, OTHER",
    "__torch__.MyModel, OTHER"
  })
  void tellsKindsOfTorchScriptTypes(String type, Kind kind) {
    assertEquals(kind, TorchModules.kind(type));
  }

  @Test
  void sharesMemoryWithLibTorch() {
    TorchNets.Net net = new TorchNets.Net(1);
    List<Parameter> parameters;
    try (PointerScope _ = new PointerScope()) {
      parameters = TorchParameters.of(net).parameters();
    }
    Parameter bias = parameters.get(2);
    assertEquals("first.bias", bias.name());
    bias.weights().setAtIndex(ValueLayout.JAVA_FLOAT, 3, 42f);
    assertEquals(42f, net.first.bias().data_ptr_float().get(3));
    TorchNets.backward(net);
    float[] once = bias.gradient().toArray(ValueLayout.JAVA_FLOAT);
    assertTrue(Stream.of(once).anyMatch(g -> g[0] != 0));
    TorchNets.backward(net);
    float[] twice = bias.gradient().toArray(ValueLayout.JAVA_FLOAT);
    for (int i = 0; i < once.length; i++) {
      assertEquals(2 * once[i], twice[i], "accumulated " + i);
    }
  }

  @Test
  void takesOverGradientsThatWereReplaced() {
    TorchNets.Net net = new TorchNets.Net(2);
    TorchParameters parameters = TorchParameters.of(net);
    Parameter bias = parameters.parameters().get(2);
    TorchNets.backward(net);
    float[] expected = bias.gradient().toArray(ValueLayout.JAVA_FLOAT);
    net.zero_grad(true);
    TorchNets.backward(net);
    parameters.attachGradients();
    assertArrayEquals(expected, bias.gradient().toArray(ValueLayout.JAVA_FLOAT));
    TorchNets.backward(net);
    parameters.zeroGrad();
    assertEquals(0f, bias.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, 0));
    TorchNets.backward(net);
    assertArrayEquals(expected, bias.gradient().toArray(ValueLayout.JAVA_FLOAT));
    net.zero_grad(true);
    parameters.attachGradients();
    assertArrayEquals(new float[expected.length], bias.gradient().toArray(ValueLayout.JAVA_FLOAT));
  }

  @Test
  void keepsGradientsThatAreThereAlready() {
    TorchNets.Net net = new TorchNets.Net(2);
    TorchNets.backward(net);
    float[] before = new float[2 * TorchNets.WIDTH];
    net.first.bias().grad().data_ptr_float().get(before);
    Parameter bias = TorchParameters.of(net).parameters().get(2);
    assertArrayEquals(before, bias.gradient().toArray(ValueLayout.JAVA_FLOAT));
  }

  /** Two tensors over one memory, which autograd takes for two. */
  private static final class Tied extends Module {
    final Tensor first;
    final Tensor second;

    Tied() {
      first = Tensor.create(new float[] {1, 2, 3}, 3);
      second = first.detach();
      register_parameter("first", first);
      register_parameter("second", second);
    }
  }

  @Test
  void tiedWeightsShareOneGradientAndAreUpdatedOnce() {
    Tied module = new Tied();
    TorchParameters parameters = TorchParameters.of(module);
    List<ParamGroup> groups =
        ParamGroup.assign(
            parameters.parameters(), Map.of(ParameterFilter.linear(), QuantConfig.of(2)));
    assertEquals(1, groups.size());
    Parameter tied = groups.getFirst().parameters().getFirst();
    assertEquals(List.of("second"), tied.aliases());
    for (int round = 0; round < 2; round++) {
      Tensor loss = module.first.mul(module.first).add(module.second).sum();
      loss.backward();
      parameters.attachGradients();
      assertArrayEquals(new float[] {3, 5, 7}, tied.gradient().toArray(ValueLayout.JAVA_FLOAT));
      // The second time as after a reset.
      module.zero_grad(true);
    }
    parameters.attachGradients();
    module.first.mul(module.second).sum().backward();
    AdamW adamW = new AdamW(groups, AdamW.Options.DEFAULTS.withLearningRate(1).withWeightDecay(0));
    adamW.step();
    assertEquals(0f, module.second.data_ptr_float().get(0), 1e-6f);
    assertEquals(2f, module.first.data_ptr_float().get(2), 1e-6f);
  }

  @Test
  void outliveScopesAndGarbageCollection() {
    Parameter parameter = parameterOfForgottenModule();
    for (int i = 0; i < 3; i++) {
      System.gc();
      try (PointerScope _ = new PointerScope()) {
        for (int j = 0; j < 50; j++) {
          zeros(1 << 12).fill_(new org.bytedeco.pytorch.Scalar(9f));
        }
      }
    }
    for (int i = 0; i < 1 << 12; i++) {
      assertEquals(7f, parameter.weights().getAtIndex(ValueLayout.JAVA_FLOAT, i));
    }
  }

  private static Parameter parameterOfForgottenModule() {
    try (PointerScope _ = new PointerScope()) {
      Module module = new Module();
      module.register_parameter(
          "w", zeros(1 << 12).fill_(new org.bytedeco.pytorch.Scalar(7f)), true);
      return TorchParameters.of(module).parameters().getFirst();
    }
  }

  @Test
  void namesWhatCannotBeTrained() {
    Module empty = new Module();
    empty.register_parameter("frozen", zeros(3), false);
    assertThrows(IllegalArgumentException.class, () -> TorchParameters.of(empty));
    Module doubles = new Module();
    doubles.register_parameter("w", zeros(3).to(ScalarType.Double));
    Exception type =
        assertThrows(IllegalArgumentException.class, () -> TorchParameters.of(doubles));
    assertEquals("w: double elements, expected float, bfloat16 or half", type.getMessage());
    Module strided = new Module();
    strided.register_parameter("w", zeros(3, 4).t());
    Exception order =
        assertThrows(IllegalArgumentException.class, () -> TorchParameters.of(strided));
    assertEquals("w: elements are not contiguous, expected row-major order", order.getMessage());
    Module brief = new Module();
    brief.register_parameter("w", zeros(3).to(ScalarType.BFloat16));
    TorchParameters parameters = TorchParameters.of(brief);
    Exception host = assertThrows(IllegalArgumentException.class, parameters::parameters);
    assertEquals(
        "w: bfloat16 on cpu, expected float on cpu; other tensors need LibTorch's own optimizer"
            + " as the base",
        host.getMessage());
  }

  @Test
  void findsMemoryThatWasReplaced() {
    TorchNets.Net net = new TorchNets.Net(3);
    TorchParameters parameters = TorchParameters.of(net);
    net.to(ScalarType.BFloat16, false);
    Exception e = assertThrows(IllegalStateException.class, parameters::attachGradients);
    assertTrue(
        e.getMessage().startsWith("embedding.weight: its memory was replaced"), e.getMessage());
  }
}

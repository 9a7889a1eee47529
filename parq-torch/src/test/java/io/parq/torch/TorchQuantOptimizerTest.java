package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.SmallFloat;
import io.parq.grids.Target;
import io.parq.grids.TensorData;
import io.parq.optim.LrSchedule;
import io.parq.optim.NonFinite;
import io.parq.optim.ParamGroup;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.optim.TargetException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TorchQuantOptimizerTest {
  private static final Map<ParameterFilter, QuantConfig> CONFIGS =
      Map.of(ParameterFilter.linear(), QuantConfig.of(3));

  private static AdamW adamW(TorchNets.Net net) {
    return new AdamW(net.parameters(), new AdamWOptions(1e-2));
  }

  private static TorchNets.Net net(long seed, ScalarType type) {
    TorchNets.Net net = new TorchNets.Net(seed);
    net.to(type, false);
    return net;
  }

  private static TorchQuantOptimizer build(
      TorchNets.Net net, UnaryOperator<TorchQuantBuilder> settings) {
    return settings
        .apply(TorchQuantOptimizer.builder(net).base(adamW(net)).quantize(CONFIGS))
        .build();
  }

  private static TorchQuantBuilder full(TorchQuantBuilder builder) {
    return withoutClip(builder).clipNorm(0.5);
  }

  private static double train(TorchNets.Net net, TorchQuantOptimizer optimizer, int steps) {
    double loss = 0;
    for (int i = 0; i < steps; i++) {
      optimizer.zero_grad();
      loss = TorchNets.backward(net);
      optimizer.step();
    }
    return loss;
  }

  private static Map<String, float[]> weights(TorchNets.Net net) {
    Map<String, float[]> weights = new LinkedHashMap<>();
    try (PointerScope _ = new PointerScope()) {
      StringTensorDict dict = net.named_parameters();
      for (long i = 0; i < dict.size(); i++) {
        weights.put(dict.get(i).key().getString(), TorchData.copy(dict.get(i).value()).toFloats());
      }
    }
    return weights;
  }

  private static void assertSame(Map<String, float[]> expected, Map<String, float[]> found) {
    found.forEach((name, values) -> assertArrayEquals(expected.get(name), values, name));
  }

  @Test
  void exampleOfTheReadme() {
    TorchNets.Net net = new TorchNets.Net(1);
    double before = TorchNets.backward(net);
    TorchQuantOptimizer optimizer = TorchExample.train(net, 100);
    double after = TorchNets.backward(net);
    assertTrue(after < 0.1 * before, before + " -> " + after);
    Map<String, float[]> weights = weights(net);
    Map<String, QuantizedTensor> quantized = optimizer.quantized();
    assertEquals(3, quantized.size());
    quantized.forEach((name, q) -> assertArrayEquals(weights.get(name), q.dequantize(), name));
  }

  @Test
  void libTorchAndFusedBaseAgree() {
    TorchNets.Net own = new TorchNets.Net(2);
    TorchQuantOptimizer wrapped = build(own, TorchQuantOptimizerTest::full);
    TorchNets.Net other = new TorchNets.Net(2);
    TorchQuantOptimizer fused =
        full(TorchQuantOptimizer.builder(other)
                .base(groups -> new io.parq.optim.AdamW(groups, 1e-2))
                .quantize(CONFIGS))
            .build();
    train(own, wrapped, 12);
    train(other, fused, 12);
    Map<String, float[]> expected = weights(other);
    weights(own).forEach((name, w) -> assertArrayEquals(expected.get(name), w, 2e-5f, name));
    assertEquals(fused.lastGradientNorm(), wrapped.lastGradientNorm(), 1e-4);
    assertEquals(fused.inverseSlope(), wrapped.inverseSlope());
    assertEquals(
        fused.groups().stream().map(ParamGroup::learningRate).toList(),
        wrapped.groups().stream().map(ParamGroup::learningRate).toList());
    assertEquals(
        fused.groups().stream().map(ParamGroup::weightDecay).toList(),
        wrapped.groups().stream().map(ParamGroup::weightDecay).toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"BFloat16", "Half"})
  void shortFloatsTrainOnFloatLatents(String type) {
    TorchNets.Net net = net(3, ScalarType.valueOf(type));
    TorchQuantOptimizer optimizer = build(net, builder -> builder.prox(ProxMap.parq(5, 50)));
    double before = train(net, optimizer, 1);
    Exception early = assertThrows(IllegalStateException.class, optimizer::quantized);
    assertTrue(early.getMessage().contains("not quantized yet, 1 steps taken"), early.getMessage());
    double after = train(net, optimizer, 119);
    assertTrue(after < 0.2 * before, before + " -> " + after);
    Map<String, QuantizedTensor> quantized = optimizer.quantized();
    assertEquals(3, quantized.size());
    Map<String, float[]> weights = weights(net);
    quantized.forEach(
        (name, q) -> {
          float[] levels = q.dequantize();
          float[] found = weights.get(name);
          for (int i = 0; i < levels.length; i++) {
            float rounded =
                type.equals("Half")
                    ? Float.float16ToFloat(Float.floatToFloat16(levels[i]))
                    : SmallFloat.fromBf16(SmallFloat.toBf16(levels[i]));
            assertEquals(rounded, found[i], name);
          }
        });
    NamedTensors state = optimizer.state();
    float[] latents = state.tensors().get("tensor/latent/head.weight").toFloats();
    int between = 0;
    for (float latent : latents) {
      between += latent == SmallFloat.fromBf16(SmallFloat.toBf16(latent)) ? 0 : 1;
    }
    assertTrue(between > latents.length / 2, "latents keep single precision");
    assertTrue(net.head.weight().scalar_type().intern() == ScalarType.valueOf(type));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Float", "BFloat16"})
  void resumesBitForBit(String type) {
    TorchNets.Net net = net(4, ScalarType.valueOf(type));
    TorchQuantOptimizer optimizer = build(net, TorchQuantOptimizerTest::full);
    train(net, optimizer, 9);
    NamedTensors state = optimizer.state().copy();
    train(net, optimizer, 9);
    TorchNets.Net other = net(5, ScalarType.valueOf(type));
    TorchQuantOptimizer resumed = build(other, TorchQuantOptimizerTest::full);
    train(other, resumed, 2);
    resumed.load(state);
    train(other, resumed, 9);
    assertSame(weights(net), weights(other));
    NamedTensors expected = optimizer.state();
    NamedTensors found = resumed.state();
    assertEquals(expected.values(), found.values());
    expected
        .tensors()
        .forEach(
            (key, tensor) ->
                assertEquals(-1, tensor.data().mismatch(found.tensors().get(key).data()), key));
    Map<String, TensorData> incomplete = new LinkedHashMap<>(state.tensors());
    String key = type.equals("Float") ? "latent/head.weight" : "tensor/latent/head.weight";
    incomplete.remove(key);
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () -> resumed.load(new NamedTensors(incomplete, state.values())));
    assertTrue(e.getMessage().contains("tensor " + key), e.getMessage());
    assertSame(weights(net), weights(other));
  }

  /** Fills the gradients with values that bfloat16 holds, the same for each seed. */
  private static void gradients(TorchNets.Net net, long seed) {
    Random random = new Random(seed);
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (Tensor tensor : net.parameters().get()) {
        float[] g = new float[Math.toIntExact(tensor.numel())];
        for (int i = 0; i < g.length; i++) {
          g[i] = SmallFloat.fromBf16(SmallFloat.toBf16((float) random.nextGaussian()));
        }
        tensor.grad().copy_(Tensor.create(g, TorchTensor.shape(tensor)));
      }
    }
  }

  /**
   * All settings, on the same numbers: as float on the host and as bfloat16 in tensor operations.
   */
  @ParameterizedTest
  @ValueSource(doubles = {Double.POSITIVE_INFINITY, 3})
  void tensorOperationsDoWhatTheHostDoes(double clipNorm) {
    TorchNets.Net rounded = net(10, ScalarType.BFloat16);
    TorchNets.Net exact = net(10, ScalarType.BFloat16);
    exact.to(ScalarType.Float, false);
    UnaryOperator<TorchQuantBuilder> settings =
        builder -> clipNorm < 100 ? full(builder).clipNorm(clipNorm) : withoutClip(builder);
    TorchQuantOptimizer tensors = build(rounded, settings);
    TorchQuantOptimizer host = build(exact, settings);
    float slack = clipNorm < 100 ? 1e-6f : 0f;
    for (int step = 0; step < 45; step++) {
      gradients(rounded, step);
      gradients(exact, step);
      tensors.step();
      host.step();
      if (step >= 3) {
        NamedTensors expected = host.state();
        NamedTensors found = tensors.state();
        for (String name : host.lattices().keySet()) {
          assertArrayEquals(
              expected.tensors().get("latent/" + name).toFloats(),
              found.tensors().get("tensor/latent/" + name).toFloats(),
              slack,
              name + " in step " + step);
        }
      }
    }
    Map<String, float[]> levels = weights(exact);
    weights(rounded)
        .forEach(
            (name, found) -> {
              for (int i = 0; i < found.length; i++) {
                float expected = SmallFloat.fromBf16(SmallFloat.toBf16(levels.get(name)[i]));
                assertEquals(expected, found[i], slack == 0 ? 0f : Math.ulp(found[i]) * 0x1p17f);
              }
            });
    assertEquals(host.lastGradientNorm(), tensors.lastGradientNorm(), 1e-4);
    for (int i = 0; i < host.groups().size(); i++) {
      assertEquals(host.groups().get(i).learningRate(), tensors.groups().get(i).learningRate());
      assertEquals(host.groups().get(i).weightDecay(), tensors.groups().get(i).weightDecay());
    }
  }

  private static TorchQuantBuilder withoutClip(TorchQuantBuilder builder) {
    return builder
        .prox(ProxMap.parq(4, 40))
        .warmupSteps(3)
        .quantPeriod(4)
        .annealWdFrac(0.5)
        .quantShrink(true)
        .schedule(LrSchedule.cosine(80, 0.1));
  }

  /** A float model with its embedding in bfloat16: weights of both kinds. */
  @Test
  void mixedModelsTrainWithBothPaths() {
    TorchNets.Net net = new TorchNets.Net(6);
    net.embedding.to(ScalarType.BFloat16, false);
    TorchQuantOptimizer optimizer =
        TorchQuantOptimizer.builder(net)
            .base(adamW(net))
            .quantize(CONFIGS)
            .quantize(ParameterFilter.embedding(), QuantConfig.parse("asymmetric:8 group:8 bf16"))
            .clipNorm(0.25)
            .build();
    double first = mixedLoss(net, optimizer);
    double last = first;
    for (int i = 0; i < 150; i++) {
      last = mixedLoss(net, optimizer);
    }
    assertTrue(last < 0.2 * first, first + " -> " + last);
    assertEquals(4, optimizer.quantized().size());
    assertEquals(4, optimizer.lattices().size());
    assertEquals(3, optimizer.groups().size());
  }

  private static double mixedLoss(TorchNets.Net net, TorchQuantOptimizer optimizer) {
    try (PointerScope _ = new PointerScope()) {
      optimizer.zero_grad();
      Tensor x = net.embedding.forward(TorchNets.inputs()).to(ScalarType.Float);
      x = x.add(net.second.forward(net.first.forward(x).relu()));
      Tensor loss = TorchNets.loss(net.head.forward(net.norm.forward(x)));
      loss.backward();
      optimizer.step();
      assertTrue(optimizer.lastGradientNorm() > 0);
      return loss.item_double();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Float", "BFloat16"})
  void findsNonFiniteGradients(String type) {
    TorchNets.Net net = net(7, ScalarType.valueOf(type));
    TorchQuantOptimizer failing = build(net, builder -> builder.clipNorm(1));
    train(net, failing, 2);
    Map<String, float[]> before = weights(net);
    poison(net);
    ArithmeticException e = assertThrows(ArithmeticException.class, failing::step);
    assertTrue(e.getMessage().contains("first.bias: gradient NaN at index 5"), e.getMessage());
    assertTrue(e.getMessage().contains("in step 2"), e.getMessage());
    assertSame(before, weights(net));
    TorchNets.Net other = net(7, ScalarType.valueOf(type));
    TorchQuantOptimizer skipping = build(other, b -> b.onNonFinite(NonFinite.SKIP));
    train(other, skipping, 2);
    Map<String, float[]> kept = weights(other);
    poison(other);
    skipping.step();
    assertEquals(1, skipping.skippedSteps());
    assertEquals(2, skipping.stepCount());
    assertSame(kept, weights(other));
  }

  private static void poison(TorchNets.Net net) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      net.first.bias().grad().view(-1).narrow(0, 5, 1).fill_(new Scalar(Float.NaN));
    }
  }

  @Test
  void namesGridsAndBasesThatDoNotFitTheTensor() {
    TorchNets.Net net = net(8, ScalarType.BFloat16);
    Exception grid =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                TorchQuantOptimizer.wrap(
                    net,
                    adamW(net),
                    Map.of(
                        ParameterFilter.named("head.*"), QuantConfig.parse("nf4 per-row fp32"))));
    assertTrue(
        grid.getMessage().startsWith("head.weight: grid nf4 for a tensor"), grid.getMessage());
    Exception base =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                TorchQuantOptimizer.builder(net)
                    .base(groups -> new io.parq.optim.AdamW(groups, 1e-3))
                    .build());
    assertTrue(
        base.getMessage().startsWith("embedding.weight: bfloat16 on cpu"), base.getMessage());
    assertThrows(IllegalStateException.class, () -> TorchQuantOptimizer.builder(net).build());
  }

  @ParameterizedTest
  @ValueSource(strings = {"Float", "BFloat16"})
  void nativeMemoryIsFlatOverAThousandSteps(String type) {
    TorchNets.Net net = net(9, ScalarType.valueOf(type));
    TorchQuantOptimizer optimizer = build(net, TorchQuantOptimizerTest::full);
    long grown = TorchMemory.growth(() -> train(net, optimizer, 1000));
    assertTrue(grown < 64 << 10, "grown by " + grown + " bytes");
  }

  /** Refuses everything. */
  private static final Target NOTHING =
      new Target() {
        @Override
        public String name() {
          return "nothing";
        }

        @Override
        public Holding holding(QuantConfig config, long... shape) {
          return new Refused("no room");
        }

        @Override
        public ScaleType scaleType(Grid grid, Granularity granularity) {
          return ScaleType.FP32;
        }
      };

  @ParameterizedTest
  @ValueSource(strings = {"ours", "LibTorch's", "bfloat16"})
  void targetsAreAskedAboutEveryParameter(String base) {
    TorchNets.Net net = new TorchNets.Net(1);
    if (base.equals("bfloat16")) {
      net.to(ScalarType.BFloat16, false);
    }
    TorchQuantBuilder builder = TorchQuantOptimizer.builder(net).quantize(CONFIGS).target(NOTHING);
    TorchQuantBuilder based =
        base.equals("ours")
            ? builder.base(groups -> new io.parq.optim.AdamW(groups, 1e-3))
            : builder.base(adamW(net));
    String message = assertThrows(TargetException.class, based::build).getMessage();
    assertTrue(message.startsWith("target nothing cannot hold 3 parameters:"), message);
    assertTrue(message.contains("second.weight [16, 32] as"), message);
  }
}

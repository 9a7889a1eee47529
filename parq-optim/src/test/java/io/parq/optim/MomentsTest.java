package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Moments in lower precision: every promise of an optimizer, what is stored, and what it costs. */
class MomentsTest {
  private static final long SEED = 11;

  @Nested
  class Bf16AdamW extends OptimizerContract {
    @Override
    Optimizer create(List<ParamGroup> groups) {
      return new AdamW(groups, adamW(Moments.BF16));
    }
  }

  @Nested
  class BlockwiseAdamW extends OptimizerContract {
    @Override
    Optimizer create(List<ParamGroup> groups) {
      return new AdamW(groups, adamW(Moments.BLOCKWISE_8BIT));
    }
  }

  @Nested
  class BlockwiseAdam extends OptimizerContract {
    @Override
    Optimizer create(List<ParamGroup> groups) {
      Adam.Options options = new Adam.Options(RATE, 0.9, 0.99, 1e-8, 0.1, Moments.BLOCKWISE_8BIT);
      return new Adam(groups, options);
    }
  }

  @Nested
  class Bf16Sgd extends OptimizerContract {
    @Override
    Optimizer create(List<ParamGroup> groups) {
      return new Sgd(groups, new Sgd.Options(RATE, 0.9, 0, 0.01, true, Moments.BF16));
    }
  }

  @Nested
  class BlockwiseNormalMapSgd extends OptimizerContract {
    @Override
    Optimizer create(List<ParamGroup> groups) {
      Sgd.Options options = new Sgd.Options(RATE, 0.9, 0.1, 0, false, Moments.BLOCKWISE_8BIT);
      return new NormalMapSgd(groups, options, 2);
    }
  }

  private static AdamW.Options adamW(Moments moments) {
    return AdamW.Options.DEFAULTS.withLearningRate(OptimizerContract.RATE).withMoments(moments);
  }

  private static Parameter parameter(long... shape) {
    Random random = new Random(SEED);
    float[] weights = new float[(int) TensorData.elements(shape)];
    float[] gradient = new float[weights.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
      gradient[i] = (float) (random.nextGaussian() * Math.exp(random.nextGaussian()));
    }
    return Parameter.of("w", Parameter.Kind.LINEAR, weights, gradient, shape);
  }

  private static NamedTensors state(Parameter parameter, String config, Moments moments) {
    QuantConfig quant = config.isEmpty() ? null : QuantConfig.parse(config);
    Sgd.Options options = new Sgd.Options(0.1, 0.9, 0, 0, false, moments);
    Sgd sgd = new Sgd(List.of(new ParamGroup(List.of(parameter), quant)), options);
    Optimizer optimizer = quant == null ? sgd : QuantOptimizer.wrap(sgd).build();
    for (int i = 0; i < 3; i++) {
      optimizer.step();
    }
    return sgd.state();
  }

  /** Momentum without weight decay is a matter of gradients alone, so of none of the chunks. */
  @ParameterizedTest
  @CsvSource({
    "130, 100, symmetric:4 per-row fp32",
    "43, 1600, symmetric:4 per-row fp32",
    "700, 48, symmetric:4 group:24 fp32",
    "9, 13696, symmetric:4 per-row fp32",
    "3, 40960, symmetric:4 per-row fp32",
    "64, 65, symmetric:4 per-tensor fp32"
  })
  void blocksDoNotDependOnHowATensorIsQuantized(int rows, int columns, String config) {
    for (Moments moments : Moments.values()) {
      NamedTensors plain = state(parameter(rows, columns), "", moments);
      NamedTensors quantized = state(parameter(rows, columns), config, moments);
      for (String name : plain.tensors().keySet()) {
        byte[] expected = bytes(plain, name);
        assertArrayEquals(expected, bytes(quantized, name), name + " in " + moments);
      }
      long bytes = plain.tensors().values().stream().mapToLong(t -> t.data().byteSize()).sum();
      assertEquals(moments.bytes((long) rows * columns), bytes);
    }
  }

  private static byte[] bytes(NamedTensors state, String name) {
    return state.tensors().get(name).data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  @Test
  void whatDoesNotFitStaysInSinglePrecision() {
    for (Moments moments : Moments.values()) {
      NamedTensors small = state(parameter(63, 65), "", moments);
      assertEquals(DType.F32, small.tensors().get("momentum_buffer/w").dtype());
      NamedTensors odd = state(parameter(130, 999), "symmetric:4 per-row fp32", moments);
      assertEquals(
          moments == Moments.BF16 ? DType.BF16 : DType.F32,
          odd.tensors().get("momentum_buffer/w").dtype());
    }
  }

  @Test
  void roundsMomentumToNearestEven() {
    Parameter parameter = parameter(64, 64);
    float[] gradient = Net.floats(parameter.gradient());
    float[] weights = Net.floats(parameter.weights());
    Sgd.Options options = new Sgd.Options(0.1, 0.9, 0, 0, false, Moments.BF16);
    Sgd sgd = new Sgd(List.of(new ParamGroup(List.of(parameter), null)), options);
    float[] m = new float[weights.length];
    for (int step = 0; step < 4; step++) {
      sgd.step();
      for (int i = 0; i < m.length; i++) {
        float unrounded = m[i] * 0.9f + gradient[i];
        weights[i] = weights[i] + -0.1f * unrounded;
        m[i] = SmallFloat.fromBf16(SmallFloat.toBf16(unrounded));
      }
    }
    assertArrayEquals(weights, Net.floats(parameter.weights()));
    assertArrayEquals(m, sgd.state().tensors().get("momentum_buffer/w").toFloats());
  }

  @ParameterizedTest
  @EnumSource
  void trainsAsWellAsWithSinglePrecision(Moments moments) {
    Parameter parameter = parameter(128, 64);
    double start = norm(parameter);
    AdamW adamW = new AdamW(List.of(new ParamGroup(List.of(parameter), null)), adamW(moments));
    for (int i = 0; i < 400; i++) {
      parameter.gradient().copyFrom(parameter.weights()); // of half the sum of squares
      adamW.step();
    }
    assertTrue(norm(parameter) < 0.05 * start, moments + ": " + norm(parameter) + " of " + start);
  }

  private static double norm(Parameter parameter) {
    double sum = 0;
    for (float w : Net.floats(parameter.weights())) {
      sum += (double) w * w;
    }
    return Math.sqrt(sum);
  }

  @Test
  void anotherPrecisionIsRefused() {
    Parameter parameter = parameter(64, 64);
    List<ParamGroup> groups = List.of(new ParamGroup(List.of(parameter), null));
    AdamW bf16 = new AdamW(groups, adamW(Moments.BF16));
    AdamW single = new AdamW(groups, adamW(Moments.FP32));
    OptimizerContract.refuse(single, bf16.state(), "moments=bf16");
    OptimizerContract.refuse(bf16, single.state(), "moments=bf16");
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void whatIsNotFiniteSpreadsNoFurtherThanItsBlock(float bad) {
    for (Moments moments : Moments.values()) {
      Parameter parameter = parameter(64, 64);
      parameter.gradient().setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, 700, bad);
      AdamW adamW = new AdamW(List.of(new ParamGroup(List.of(parameter), null)), adamW(moments));
      adamW.step();
      adamW.step();
      float[] weights = Net.floats(parameter.weights());
      assertTrue(Float.isNaN(weights[700]), moments + ": " + weights[700]);
      for (int i = 0; i < weights.length; i++) {
        assertTrue(i / 256 == 700 / 256 || Float.isFinite(weights[i]), moments + " at " + i);
      }
    }
  }

  @Test
  void bytes() {
    assertEquals(4 * 4095, Moments.BLOCKWISE_8BIT.bytes(4095));
    assertEquals(4096 + 4 * 16, Moments.BLOCKWISE_8BIT.bytes(4096));
    assertEquals(4097 + 4 * 17, Moments.BLOCKWISE_8BIT.bytes(4097));
    assertEquals(2 * 4096, Moments.BF16.bytes(4096));
    assertEquals(4 * 4096, Moments.FP32.bytes(4096));
  }
}

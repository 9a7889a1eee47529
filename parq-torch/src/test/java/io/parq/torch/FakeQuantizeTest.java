package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.Granularity;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Fake quantization of activations against torchao and against the host's. */
class FakeQuantizeTest {
  private static final JsonNode GOLDEN = golden();

  private static JsonNode golden() {
    String name = "/fakequantizers/fakequantizers.json.gz";
    try (InputStream in =
        Objects.requireNonNull(FakeQuantizeTest.class.getResourceAsStream(name))) {
      return new ObjectMapper().readTree(new GZIPInputStream(in));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static float[] floats(JsonNode node) {
    byte[] bytes = Base64.getDecoder().decode(node.textValue());
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static float[] input(String name) {
    return floats(GOLDEN.at("/inputs").get(name).get("data"));
  }

  private static Tensor tensor(String name) {
    JsonNode shape = GOLDEN.at("/inputs").get(name).get("shape");
    long[] dimensions = new long[shape.size()];
    Arrays.setAll(dimensions, i -> shape.get(i).longValue());
    return Tensor.create(input(name), dimensions);
  }

  /** Equal but for the sign of a zero. */
  private static void assertSame(float[] expected, float[] actual, String what) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i] + 0f, actual[i] + 0f, what + " at " + i);
    }
  }

  @Test
  void valuesAndGradientsAreTorchaos() {
    int cases = 0;
    for (JsonNode node : GOLDEN.get("cases")) {
      if (node.get("kind").asText().equals("fake-quantizer")) {
        String name = node.get("input").asText();
        try (PointerScope _ = new PointerScope()) {
          Tensor x = tensor(name).set_requires_grad(true);
          Tensor y = FakeQuantize.apply(x, ActivationQuantization.INT8_ASYM_PER_TOKEN);
          y.mul(tensor("gradient of " + name)).sum().backward();
          assertSame(floats(node.get("values")), Golden.floats(y), name);
          // The reference multiplies a gradient by the scale and by its reciprocal.
          float[] gradient = Golden.floats(x.grad());
          float[] expected = floats(node.get("gradient"));
          for (int i = 0; i < gradient.length; i++) {
            assertEquals(expected[i], gradient[i], 8 * Math.ulp(expected[i]), name + " at " + i);
          }
        }
        cases++;
      }
    }
    assertEquals(4, cases);
  }

  /** The weights lie on our lattice; sums may be in another order. */
  @Test
  void aLinearLayerIsInt8DynActInt4() {
    JsonNode node = GOLDEN.get("cases").get(4);
    assertEquals("linear", node.get("kind").asText());
    QuantConfig config = QuantConfig.of(4).withGranularity(Granularity.perGroup(32));
    float[] weight = input("weight");
    Lattice lattice = Lattice.unfitted(config, 16, 64);
    lattice.fit(MemorySegment.ofArray(weight));
    for (int block = 0; block < lattice.layout().blocks(); block++) {
      lattice.nearest(block, weight, 32 * block, 32, MemorySegment.ofArray(weight), 32L * block);
    }
    try (PointerScope _ = new PointerScope()) {
      Tensor x = tensor("normal").set_requires_grad(true);
      Tensor w = Tensor.create(weight, 16, 64).set_requires_grad(true);
      Tensor rounded = FakeQuantize.apply(x, ActivationQuantization.INT8_ASYM_PER_TOKEN);
      Tensor y = torch.linear(rounded, w);
      y.mul(tensor("gradient of linear")).sum().backward();
      assertArrayEquals(floats(node.get("values")), Golden.floats(y), 1e-5f);
      assertArrayEquals(floats(node.get("gradient")), Golden.floats(x.grad()), 1e-5f);
      // Weights beyond the grid have no gradient there; here the proximal map decides.
      float[] expected = floats(node.get("weight_gradient"));
      float[] gradient = Golden.floats(w.grad());
      int zeros = 0;
      for (int i = 0; i < expected.length; i++) {
        zeros += expected[i] == 0 ? 1 : 0;
        assertEquals(expected[i] == 0 ? gradient[i] : expected[i], gradient[i], 1e-4f);
      }
      assertTrue(zeros <= 16 * 2, zeros + " without a gradient");
    }
  }

  @ParameterizedTest
  @EnumSource
  void valuesAreTheHosts(ActivationQuantization quantization) {
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < 50; i++) {
      int rows = random.nextInt(1, 9);
      int columns = random.nextInt(1, 130);
      float[] x = new float[rows * columns];
      double size = Math.exp(random.nextDouble(-60, 60));
      for (int k = 0; k < x.length; k++) {
        x[k] = (float) (random.nextGaussian() * size);
      }
      if (i % 5 == 0) {
        Arrays.fill(x, 0, columns, 0f);
      }
      float[] expected = x.clone();
      quantization.fakeQuantize(expected, rows, columns);
      try (PointerScope _ = new PointerScope()) {
        Tensor tensor = Tensor.create(x, rows, columns).set_requires_grad(true);
        Tensor rounded = FakeQuantize.apply(tensor, quantization);
        assertSame(expected, Golden.floats(rounded), quantization + " " + i);
        rounded.sum().backward();
        // At most the largest of a token, whose code may lie a step beyond the range.
        double gradient = tensor.grad().sum().item_double();
        assertTrue(gradient >= x.length - 2 * rows && gradient <= x.length, "gradient " + gradient);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatIsNotFiniteShows(ActivationQuantization quantization) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      try (PointerScope _ = new PointerScope()) {
        Tensor x = Tensor.create(new float[] {1, 2, bad, 4, 1, 2, 3, 4}, 2, 4);
        Tensor rounded = FakeQuantize.apply(x, quantization);
        assertFalse(rounded.get(0).isfinite().all().item_bool(), quantization + " of " + bad);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rank", "empty", "type"})
  void otherTensorsAreRefused(String what) {
    try (PointerScope _ = new PointerScope()) {
      Tensor x =
          switch (what) {
            case "rank" -> torch.full(new long[0], new Scalar(1f));
            case "empty" -> torch.empty(0, 4);
            default -> torch.ones(2, 4).to(torch.ScalarType.Double);
          };
      assertThrows(
          IllegalArgumentException.class,
          () -> FakeQuantize.apply(x, ActivationQuantization.INT8_ASYM_PER_TOKEN));
    }
  }
}

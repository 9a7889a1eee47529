package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Small floats against PyTorch's casts, activations against torchao. */
class GoldenFormatsTest {
  private static final Golden ACTIVATIONS = Golden.read("activations");

  @TestFactory
  List<DynamicTest> casts() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : Golden.read("formats").cases()) {
      String type = node.get("type").asText();
      boolean decode = node.get("kind").asText().equals("decode");
      tests.add(
          DynamicTest.dynamicTest(
              node.get("kind").asText() + " " + type,
              () -> {
                if (decode) {
                  checkDecode(type, node);
                } else {
                  checkCast(type, node);
                }
              }));
    }
    assertEquals(10, tests.size());
    return tests;
  }

  private static void checkCast(String type, JsonNode node) {
    float[] from = Golden.floats(node.get("from"));
    boolean wide = type.endsWith("16");
    short[] words = wide ? Golden.shorts(node.get("to")) : new short[0];
    byte[] bytes = wide ? new byte[0] : Golden.bytes(node.get("to"));
    assertTrue(from.length > 1000);
    for (int i = 0; i < from.length; i++) {
      float x = from[i];
      int expected = wide ? words[i] : bytes[i];
      int actual =
          switch (type) {
            case "bf16" -> SmallFloat.toBf16(x);
            case "fp16" -> Float.floatToFloat16(x);
            case "e4m3" -> SmallFloat.toE4m3(x);
            case "e5m2" -> SmallFloat.toE5m2(x);
            default -> SmallFloat.toE8m0(x);
          };
      assertEquals(expected, actual, type + " of " + x);
    }
  }

  private static void checkDecode(String type, JsonNode node) {
    boolean wide = type.endsWith("16");
    short[] words = wide ? Golden.shorts(node.get("from")) : new short[0];
    byte[] bytes = wide ? new byte[0] : Golden.bytes(node.get("from"));
    float[] expected = Golden.floats(node.get("to"));
    for (int i = 0; i < expected.length; i++) {
      float actual =
          switch (type) {
            case "bf16" -> SmallFloat.fromBf16(words[i]);
            case "fp16" -> Float.float16ToFloat(words[i]);
            case "e4m3" -> SmallFloat.fromE4m3(bytes[i]);
            case "e5m2" -> SmallFloat.fromE5m2(bytes[i]);
            default -> SmallFloat.fromE8m0(bytes[i]);
          };
      assertEquals(expected[i], actual, type + " code " + i);
    }
  }

  @Test
  void roundingEveryDecodedByteGivesItBack() {
    for (int i = 0; i < 256; i++) {
      byte bits = (byte) i;
      if (!Float.isNaN(SmallFloat.fromE4m3(bits))) {
        assertEquals(bits, SmallFloat.toE4m3(SmallFloat.fromE4m3(bits)));
      }
      if (!Float.isNaN(SmallFloat.fromE5m2(bits))) {
        assertEquals(bits, SmallFloat.toE5m2(SmallFloat.fromE5m2(bits)));
      }
      assertEquals(bits, SmallFloat.toE8m0(SmallFloat.fromE8m0(bits)));
    }
  }

  @TestFactory
  List<DynamicTest> activations() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : ACTIVATIONS.cases()) {
      String kind = node.get("kind").asText();
      if (kind.endsWith("eps-1e-5")) {
        continue; // torchao's other per-token helper: its smallest scale is 1e-5
      }
      String name = kind + " " + node.get("input").asText();
      tests.add(DynamicTest.dynamicTest(name, () -> checkActivations(kind, node)));
    }
    assertTrue(tests.size() > 30);
    return tests;
  }

  private static void checkActivations(String kind, JsonNode node) {
    String input = node.get("input").asText();
    long[] shape = ACTIVATIONS.shape(input);
    float[] x = ACTIVATIONS.input(input);
    ActivationQuantization quantization =
        switch (kind) {
          case "int8-asym-per-token" -> ActivationQuantization.INT8_ASYM_PER_TOKEN;
          case "int8-sym-per-token" -> ActivationQuantization.INT8_SYM_PER_TOKEN;
          case "fp8-e4m3-per-row" -> ActivationQuantization.FP8_E4M3_PER_ROW;
          default -> ActivationQuantization.FP8_E4M3_PER_TENSOR;
        };
    quantization.fakeQuantize(x, (int) shape[0], (int) shape[1]);
    float[] expected = Golden.floats(node.get("values"));
    for (int i = 0; i < x.length; i++) {
      assertEquals(expected[i] + 0f, x[i] + 0f, kind + " at " + i); // a zero has no sign
    }
  }

  @Test
  void badActivationsAreNamedAndLeftAlone() {
    float[] x = {1f, 2f, 3f, Float.NaN};
    var e =
        org.junit.jupiter.api.Assertions.assertThrows(
            IllegalArgumentException.class,
            () -> ActivationQuantization.INT8_ASYM_PER_TOKEN.fakeQuantize(x, 2, 2));
    assertEquals("activation at row 1, column 1 is NaN, expected finite", e.getMessage());
    assertArrayEquals(new float[] {1f, 2f, 3f, Float.NaN}, x);
  }

  @Test
  void badWeightsAreNamed() {
    float[] x = new float[64];
    x[37] = Float.NEGATIVE_INFINITY;
    Lattice lattice = Lattice.unfitted(QuantConfig.of(2), 4, 16);
    var e =
        org.junit.jupiter.api.Assertions.assertThrows(
            IllegalArgumentException.class, () -> lattice.fit(MemorySegment.ofArray(x)));
    assertEquals("value at index 37 is -Infinity, expected finite", e.getMessage());
  }
}

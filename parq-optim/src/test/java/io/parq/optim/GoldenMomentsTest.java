package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Moments in lower precision against torchao: map, codes, scales and values bit for bit; runs up to
 * where the order of operations in an update tips a rounding over.
 */
class GoldenMomentsTest {
  private static final Golden GOLDEN = Golden.read("moments");

  /** Steps after which an average that was rounded the other way may still show. */
  private static final double RARE = 0.01;

  @TestFactory
  List<DynamicTest> moments() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : GOLDEN.cases()) {
      String kind = node.get("kind").asText();
      String name =
          node.has("base")
              ? node.get("base").asText() + " " + node.get("moments").asText()
              : kind + " signed=" + node.get("signed").asText() + " " + node.path("input").asText();
      tests.add(
          DynamicTest.dynamicTest(
              name,
              () -> {
                switch (kind) {
                  case "map" ->
                      assertArrayEquals(Golden.floats(node.get("values")), map(node).values());
                  case "quantize" -> quantize(node);
                  default -> trajectory(node);
                }
              }));
    }
    assertEquals(14, tests.size());
    return tests;
  }

  private static DynamicMap map(JsonNode node) {
    return node.get("signed").asBoolean() ? DynamicMap.SIGNED : DynamicMap.UNSIGNED;
  }

  private static void quantize(JsonNode node) throws IOException {
    float[] x = GOLDEN.input(node.get("input").asText());
    if (!node.get("signed").asBoolean()) {
      for (int i = 0; i < x.length; i++) {
        x[i] = Math.abs(x[i]);
      }
    }
    MomentPart.Blockwise part = new MomentPart.Blockwise(x.length, map(node));
    part.close(x, new int[Moments.BLOCK]);
    assertArrayEquals(Golden.floats(node.get("scales")), part.scales());
    assertArrayEquals(Base64.getDecoder().decode(node.get("codes").asText()), part.codes());
    assertArrayEquals(Golden.floats(node.get("values")), part.open(new float[x.length]));
  }

  private static void trajectory(JsonNode node) {
    float[] weights = GOLDEN.input("weights");
    float[] gradient = new float[weights.length];
    Parameter parameter =
        Parameter.of("w", Parameter.Kind.LINEAR, weights, gradient, GOLDEN.shape("weights"));
    Optimizer optimizer = optimizer(node, List.of(new ParamGroup(List.of(parameter), null)));
    float[] first = GOLDEN.input("gradient");
    int step = 0;
    for (JsonNode state : node.get("states")) {
      for (; step < state.get("step").asInt(); step++) {
        for (int i = 0; i < first.length; i++) {
          gradient[(i + 37 * step) % first.length] = first[i] * (1 + (step + 1) / 8f);
        }
        optimizer.step();
      }
      compare(node.get("moments").asText(), state, optimizer.state(), weights);
    }
  }

  private static Optimizer optimizer(JsonNode node, List<ParamGroup> groups) {
    JsonNode o = node.get("options");
    Moments moments = Moments.valueOf(node.get("moments").asText().toUpperCase(Locale.ROOT));
    double lr = o.get("lr").asDouble();
    double beta1 = o.get("beta1").asDouble();
    double beta2 = o.get("beta2").asDouble();
    double eps = o.get("eps").asDouble();
    double decay = o.get("weight_decay").asDouble();
    return node.get("base").asText().equals("adam")
        ? new Adam(groups, new Adam.Options(lr, beta1, beta2, eps, decay, moments))
        : new AdamW(groups, new AdamW.Options(lr, beta1, beta2, eps, decay, moments));
  }

  /** A rounding that tips over moves a moment by a step of its format, and the weight a little. */
  private static void compare(String moments, JsonNode state, NamedTensors found, float[] weights) {
    boolean first = state.get("step").asInt() == 1;
    int moved = 0;
    for (String name : List.of("exp_avg", "exp_avg_sq")) {
      float[] expected = Golden.floats(state.get(name));
      float[] actual = values(found, name);
      for (int i = 0; i < expected.length; i++) {
        moved += Math.abs(expected[i] - actual[i]) > 1e-6f * Math.abs(expected[i]) ? 1 : 0;
      }
    }
    assertTrue(
        moved <= RARE * 2 * weights.length,
        "%s: %d of %d moments differ".formatted(moments, moved, 2 * weights.length));
    float[] expected = Golden.floats(state.get("weights"));
    int apart = 0;
    for (int i = 0; i < expected.length; i++) {
      apart += Math.abs(expected[i] - weights[i]) > 2e-6f ? 1 : 0;
    }
    assertTrue(apart <= (first ? 0 : RARE * weights.length), moments + ": " + apart + " weights");
  }

  private static float[] values(NamedTensors state, String name) {
    TensorData tensor = state.tensors().get(name + "/w");
    if (tensor.dtype() == DType.BF16) {
      return tensor.toFloats();
    }
    byte[] codes = tensor.data().toArray(ValueLayout.JAVA_BYTE);
    float[] scales = state.tensors().get(name + "_scale/w").toFloats();
    DynamicMap map = name.endsWith("sq") ? DynamicMap.UNSIGNED : DynamicMap.SIGNED;
    float[] values = new float[codes.length];
    for (int block = 0; block < scales.length; block++) {
      map.decode(codes, scales[block], values, Moments.BLOCK * block, Moments.BLOCK);
    }
    return values;
  }
}

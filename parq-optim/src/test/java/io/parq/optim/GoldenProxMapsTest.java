package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Every map at and around every boundary of its schedule, bit for bit, save two known differences.
 * Rounding: a value within two units in the last place of the middle of two levels may go to either
 * (half to even of the rounded quotient here; by the rounded middle, down on ties, in the
 * reference's steps without a fresh fit). LSBQ: the reference's greedy rounding ends a few units
 * beside the levels.
 */
class GoldenProxMapsTest {
  private static final Golden GOLDEN = Golden.read("proxmaps");

  /** A lattice case: scales, and the fitted input as the quantizer itself rounded it. */
  private record Fitted(JsonNode node) {
    QuantConfig config() {
      return new QuantConfig(
          Grid.parse(node.get("grid").asText()),
          Granularity.parse(node.get("granularity").asText()),
          ScaleType.FP32);
    }

    Lattice lattice(long... shape) {
      Lattice lattice = Lattice.unfitted(config(), shape);
      float[] scales = Golden.floats(node.get("scales"));
      assertEquals(scales.length, lattice.scales().length);
      System.arraycopy(scales, 0, lattice.scales(), 0, scales.length);
      return lattice;
    }

    static String key(JsonNode node) {
      return node.get("grid").asText() + " " + node.get("granularity").asText();
    }
  }

  @TestFactory
  List<DynamicTest> maps() {
    Map<String, Fitted> lattices = new HashMap<>();
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : GOLDEN.cases()) {
      String key = Fitted.key(node);
      if (node.get("kind").asText().equals("lattice")) {
        lattices.put(key, new Fitted(node));
      } else {
        ProxMap map = Golden.map(node);
        long step = node.get("step").asLong();
        String name = "%s on %s, %s, step %d".formatted(map, key, node.get("input").asText(), step);
        Fitted fitted = lattices.get(key);
        tests.add(DynamicTest.dynamicTest(name, () -> check(node, map, step, fitted)));
      }
    }
    assertEquals(1380 - 12, tests.size());
    return tests;
  }

  private static void check(JsonNode node, ProxMap map, long step, Fitted fitted) {
    String input = node.get("input").asText();
    float[] x = GOLDEN.input(input);
    Lattice lattice = fitted.lattice(GOLDEN.shape(input));
    float[] nearest = x.clone();
    lattice.nearest(0, x, 0, x.length, MemorySegment.ofArray(nearest), 0);
    float[] lower = new float[x.length];
    float[] upper = new float[x.length];
    lattice.interval(0, x, 0, x.length, lower, upper, 0);
    float[] reference =
        node.get("fresh").asBoolean() ? Golden.floats(fitted.node.get("values")) : null;
    float[] actual = new float[x.length];
    map.apply(
        step,
        lattice,
        0,
        x,
        0,
        x.length,
        MemorySegment.ofArray(actual),
        0,
        new float[x.length],
        new float[x.length]);
    float[] expected = Golden.floats(node.get("output"));
    boolean lsbq = fitted.config().grid().spec().startsWith("lsbq");
    int ties = 0;
    for (int i = 0; i < x.length; i++) {
      String at = "element %d, x = %s".formatted(i, x[i]);
      float ulp = Math.ulp(Math.max(Math.abs(lower[i]), Math.abs(upper[i])));
      if (rounds(map, step) && isMidway(x[i], lower[i], upper[i], 2 * ulp)) {
        assertNeighbour(map, step, x[i], lower[i], upper[i], expected[i], at, 2 * ulp);
        assertNeighbour(map, step, x[i], lower[i], upper[i], actual[i], at, 0);
        ties++;
      } else if (reference != null && reference[i] != nearest[i] && rounds(map, step)) {
        assertTrue(lsbq, at);
        // The greedy one may be a neighbour of the nearest level, or beside it.
        float distance = Math.abs(reference[i] - nearest[i]);
        assertTrue(Math.abs(nearest[i] - x[i]) <= Math.abs(reference[i] - x[i]) + 8 * ulp, at);
        assertEquals(expected[i], actual[i], distance + ulp, at);
      } else {
        assertEquals(expected[i], actual[i], 0f, at);
      }
    }
    assertTrue(ties < x.length / 2, ties + " ties");
    if (node.has("inverse_slope")) {
      double slope = node.get("inverse_slope").asDouble();
      assertEquals(slope, map.inverseSlope(step), 1e-13 * slope);
    }
  }

  private static boolean isMidway(float x, float lower, float upper, float tolerance) {
    return lower < upper && Math.abs(x - (lower + upper) / 2) <= tolerance;
  }

  /** Whether the nearest level decides. */
  private static boolean rounds(ProxMap map, long step) {
    return step >= map.annealEnd()
        || (map instanceof BinaryRelax(long start, long end) && step >= start && step < end);
  }

  private static void assertNeighbour(
      ProxMap map, long step, float x, float lower, float upper, float w, String at, float slack) {
    if (step >= map.annealEnd()) {
      assertTrue(Math.abs(w - lower) <= slack || Math.abs(w - upper) <= slack, at);
    } else {
      double theta =
          map instanceof BinaryRelax(long start, long end)
              ? (step - start) / (double) (end - start)
              : 0;
      double down = x * (1 - theta) + lower * theta;
      double up = x * (1 - theta) + upper * theta;
      double least = Math.min(Math.abs(w - down), Math.abs(w - up));
      assertTrue(least <= slack + 2 * Math.ulp(w), at + ": " + w);
    }
  }
}

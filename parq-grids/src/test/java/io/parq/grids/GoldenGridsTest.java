package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Fits, levels and roundings against torchao and PARQ. */
class GoldenGridsTest {
  private static final Golden GOLDEN = Golden.read("grids");

  @TestFactory
  List<DynamicTest> cases() {
    Map<String, List<JsonNode>> byGrid = new LinkedHashMap<>();
    for (JsonNode node : GOLDEN.cases()) {
      byGrid.computeIfAbsent(node.get("grid").asText(), key -> new ArrayList<>()).add(node);
    }
    List<DynamicTest> tests = new ArrayList<>();
    byGrid.forEach(
        (grid, nodes) ->
            tests.add(DynamicTest.dynamicTest(grid + " x " + nodes.size(), () -> check(nodes))));
    assertTrue(tests.size() > 50, "golden file holds every grid");
    return tests;
  }

  private static void check(List<JsonNode> nodes) {
    for (JsonNode node : nodes) {
      String name =
          node.get("grid").asText()
              + " "
              + node.get("granularity").asText()
              + " "
              + node.get("input").asText();
      switch (node.get("kind").asText()) {
        case "fit" -> checkFit(name, node);
        default -> checkOptimum(name, node);
      }
    }
  }

  private static QuantConfig config(JsonNode node) {
    JsonNode type = node.get("scale_type");
    return new QuantConfig(
        Grid.parse(node.get("grid").asText()),
        Granularity.parse(node.get("granularity").asText()),
        type == null ? ScaleType.FP32 : ScaleType.parse(type.asText()));
  }

  private static Lattice fit(QuantConfig config, JsonNode node) {
    String input = node.get("input").asText();
    Lattice lattice = Lattice.unfitted(config, GOLDEN.shape(input));
    JsonNode importance = node.get("importance");
    lattice.fit(
        MemorySegment.ofArray(GOLDEN.input(input)),
        importance == null ? null : GOLDEN.input(importance.asText()));
    return lattice;
  }

  private static void checkFit(String name, JsonNode node) {
    QuantConfig config = config(node);
    Lattice fitted = fit(config, node);
    float[] scales = Golden.floats(node.get("scales"));
    float[] x = GOLDEN.input(node.get("input").asText());
    assertEquals(scales.length, fitted.scales().length, name);
    float[] exact =
        node.has("exact_scales") ? Golden.floats(node.get("exact_scales")) : new float[0];
    for (int i = 0; i < scales.length; i++) {
      int block = i / config.grid().scalesPerBlock();
      float tolerance = scaleTolerance(fitted, block, scales[i], x);
      assertWithin(tolerance, scales[i], fitted.scales()[i], name + " scale " + i);
      if (exact.length > 0) {
        // A later basis vector carries the roundings of the residual before it.
        int basis = config.grid().scalesPerBlock();
        float ulp = Math.ulp(Lattice.KERNELS.max(exact, block * basis, basis)) + Float.MIN_NORMAL;
        assertWithin(ulp, exact[i], fitted.scales()[i], name + " exact scale " + i);
      }
    }
    Lattice lattice = withParameters(config, node, fitted, name, x);
    checkLevels(name, node, lattice);
    checkValues(name, node, lattice, x);
  }

  /** Bit for bit where the scale is a maximum; sums may differ by their order of additions. */
  private static float scaleTolerance(Lattice lattice, int block, float scale, float[] x) {
    if (!needsSum(lattice.grid())) {
      return 0f;
    }
    float tolerance = 4 * ulp(lattice.scaleType(), scale) + Float.MIN_NORMAL;
    boolean residual = lattice.grid().isCentred() || lattice.grid().scalesPerBlock() > 1;
    return residual ? tolerance + meanTolerance(lattice, block, x) : tolerance;
  }

  private static float meanTolerance(Lattice lattice, int block, float[] x) {
    int length = lattice.layout().blockLength();
    return Math.ulp(Lattice.KERNELS.absMax(x, block * length, length, 0f));
  }

  /** Zeros of either sign are the same value. */
  private static void assertWithin(float tolerance, float expected, float actual, String name) {
    if (!(Math.abs(expected - actual) <= tolerance)) {
      fail(name + ": reference " + expected + ", found " + actual + ", tolerance " + tolerance);
    }
  }

  private static boolean needsSum(Grid grid) {
    return grid.isCentred()
        || grid.spec().startsWith("stretched")
        || grid.spec().contains(":mean:")
        || grid instanceof LsbqGrid;
  }

  private static float ulp(ScaleType type, float scale) {
    return switch (type) {
      case BF16 -> Math.ulp(scale) * 65536;
      case FP16 -> Math.ulp(scale) * 8192;
      default -> Math.ulp(scale);
    };
  }

  /** The reference's own scales, so that rounding is compared bit for bit. */
  private static Lattice withParameters(
      QuantConfig config, JsonNode node, Lattice fitted, String name, float[] x) {
    Lattice lattice = Lattice.unfitted(config, fitted.shape());
    float[] scales = Golden.floats(node.get("scales"));
    System.arraycopy(scales, 0, lattice.scales(), 0, scales.length);
    if (lattice.zeroPoints() != null) {
      float[] zeroPoints = Golden.floats(node.get("zero_points"));
      System.arraycopy(zeroPoints, 0, lattice.zeroPoints(), 0, zeroPoints.length);
      org.junit.jupiter.api.Assertions.assertArrayEquals(zeroPoints, fitted.zeroPoints(), name);
    }
    if (lattice.offsets() != null) {
      float[] offsets = Golden.floats(node.get("offsets"));
      System.arraycopy(offsets, 0, lattice.offsets(), 0, offsets.length);
      for (int i = 0; i < offsets.length; i++) {
        float tolerance = config.grid().isCentred() ? meanTolerance(fitted, i, x) : 0f;
        assertWithin(tolerance, offsets[i], fitted.offsets()[i], name + " offset " + i);
      }
    }
    return lattice;
  }

  private static void checkLevels(String name, JsonNode node, Lattice lattice) {
    float[] levels = Golden.floats(node.get("levels"));
    int count = lattice.grid().levelCount();
    assertTrue(levels.length >= count && levels.length % count == 0, name);
    for (int block = 0; block < levels.length / count; block++) { // the file holds the first blocks
      float[] ours = lattice.levels(block);
      for (int i = 0; i < count; i++) {
        // The reference adds four basis vectors in the order of its matrix product.
        boolean four = lattice.grid().scalesPerBlock() == 4;
        float tolerance = four ? 2 * Math.ulp(ours[count - 1]) : 0f;
        assertWithin(tolerance, levels[block * count + i], ours[i], name + " level " + i);
      }
    }
  }

  private static void checkValues(String name, JsonNode node, Lattice lattice, float[] x) {
    float[] expected = Golden.floats(node.get("values"));
    float[] actual = QuantizedTensor.of(lattice, MemorySegment.ofArray(x)).dequantize();
    assertEquals(expected.length, actual.length, name);
    for (int i = 0; i < x.length; i++) {
      if (lattice.grid() instanceof LsbqGrid) {
        // The reference follows greedy signs; the nearest level is never farther away.
        float slack = 4 * meanTolerance(lattice, i / lattice.layout().blockLength(), x);
        assertTrue(
            Math.abs(x[i] - actual[i]) <= Math.abs(x[i] - expected[i]) + slack, name + " at " + i);
      } else {
        assertWithin(0f, expected[i], actual[i], name + " value " + i + " of " + x[i]);
      }
    }
  }

  /** Least-squares fits reach the error that brute force found, and the reference's. */
  private static void checkOptimum(String name, JsonNode node) {
    Lattice lattice = fit(config(node), node);
    float[] x = GOLDEN.input(node.get("input").asText());
    float[] values = QuantizedTensor.of(lattice, MemorySegment.ofArray(x)).dequantize();
    JsonNode importance = node.get("importance");
    float[] weights = importance == null ? null : GOLDEN.input(importance.asText());
    int length = lattice.layout().blockLength();
    long columns = lattice.layout().columns();
    for (int block = 0; block < lattice.layout().blocks(); block++) {
      double error = 0;
      double size = 0;
      for (int i = block * length; i < (block + 1) * length; i++) {
        double d = (double) x[i] - values[i];
        double w = weights == null ? 1 : weights[(int) (i % columns)];
        error += w * d * d;
        size += w * x[i] * x[i];
      }
      double best = node.get("best_error").get(block).asDouble();
      assertTrue(
          error <= best * 1.0001 + size * 1e-12 + 1e-70,
          name + " block " + block + ": squared error " + error + ", brute force " + best);
    }
  }
}

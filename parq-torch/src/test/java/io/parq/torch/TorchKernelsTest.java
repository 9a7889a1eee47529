package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.optim.ProxMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tensor operations against the host's kernels, bit for bit. */
final class TorchKernelsTest {
  private static final long SEED = 20_250_731;
  private static final int ROWS = 12;
  private static final int COLUMNS = 96;

  @BeforeAll
  static void oneThread() {
    org.bytedeco.pytorch.global.torch.set_num_threads(1);
  }

  static List<QuantConfig> configs() {
    List<String> grids = new ArrayList<>();
    for (int bits = 1; bits <= 8; bits++) {
      if (bits > 1) {
        grids.add("symmetric:" + bits);
        grids.add("asymmetric:" + bits);
        grids.add("clipped:%d:max:1.0:0.0".formatted(bits));
        grids.add("clipped:%d:mean:1.0:1.0".formatted(bits));
      }
      grids.add("stretched:" + bits);
      grids.add("clipped:%d:mean:0.5:0.5".formatted(bits));
    }
    grids.add("ternary");
    List<QuantConfig> configs = new ArrayList<>();
    for (String grid : grids) {
      for (String granularity : List.of("per-tensor", "per-row", "group:32", "group:3")) {
        for (ScaleType type :
            List.of(ScaleType.FP32, ScaleType.BF16, ScaleType.FP16, ScaleType.E8M0)) {
          configs.add(new QuantConfig(Grid.parse(grid), Granularity.parse(granularity), type));
        }
      }
    }
    return configs;
  }

  /** Gaussian values of several sizes, a block of zeros, equal values, ties and signed zeros. */
  private static float[] values(long seed) {
    Random random = new Random(seed);
    float[] x = new float[ROWS * COLUMNS];
    for (int i = 0; i < x.length; i++) {
      int row = i / COLUMNS;
      x[i] =
          switch (row) {
            case 0 -> 0f;
            case 1 -> 0.75f;
            case 2 -> -0f;
            case 3 -> (random.nextInt(17) - 8) * 0.25f;
            case 4 -> (float) random.nextGaussian() * 1e-20f;
            case 5 -> (float) Math.abs(random.nextGaussian());
            default -> (float) (random.nextGaussian() * Math.pow(10, row - 8));
          };
    }
    return x;
  }

  private static void assertBits(float[] expected, float[] found, String what) {
    for (int i = 0; i < expected.length; i++) {
      if (Float.floatToRawIntBits(expected[i]) != Float.floatToRawIntBits(found[i])) {
        throw new AssertionError(
            "%s at %d: %s, expected %s; seed %d".formatted(what, i, found[i], expected[i], SEED));
      }
    }
  }

  private static float[] floats(Tensor tensor) {
    return TorchData.copy(tensor).toFloats();
  }

  @ParameterizedTest
  @MethodSource("configs")
  void equalTheHost(QuantConfig config) {
    float[] x = values(SEED);
    Lattice host = Lattice.unfitted(config, ROWS, COLUMNS);
    host.fit(MemorySegment.ofArray(x));
    Lattice own = Lattice.unfitted(config, ROWS, COLUMNS);
    TorchKernels kernels = TorchKernels.of("w", own, ProxMap.hard());
    try (PointerScope _ = new PointerScope()) {
      Tensor tensor = Tensor.create(x, ROWS, COLUMNS);
      kernels.fit(tensor);
      assertFit(host, own);
      own.load(host.state());
      float[] expected = new float[x.length];
      forEachBlock(
          host,
          (block, start, n) ->
              host.nearest(block, x, start, n, MemorySegment.ofArray(expected), start));
      assertBits(expected, floats(kernels.nearest(tensor)), "nearest");
      // On the levels themselves as well as between them.
      assertBits(
          expected, floats(kernels.nearest(Tensor.create(expected, ROWS, COLUMNS))), "levels");
      assertInterval(host, kernels, x);
      assertInterval(host, kernels, expected);
      for (ProxMap map : List.of(ProxMap.hard(), ProxMap.parq(2, 9), ProxMap.binaryRelax(2, 9))) {
        for (long step = 0; step <= 10; step++) {
          assertProjection(host, kernels, map, step, x);
        }
      }
      assertBits(x, floats(tensor), "input");
    }
  }

  private static void assertFit(Lattice host, Lattice own) {
    boolean sums = host.grid().spec().contains("mean") || host.grid().spec().contains("stretched");
    float[] expected = host.scales();
    float[] found = own.scales();
    for (int i = 0; i < expected.length; i++) {
      float slack = sums && host.scaleType() == ScaleType.FP32 ? Math.ulp(expected[i]) : 0f;
      assertEquals(expected[i], found[i], slack, "scale " + i);
    }
    if (host.grid().hasZeroPoint()) {
      assertArrayEquals(host.zeroPoints(), own.zeroPoints());
    }
  }

  private static void assertInterval(Lattice host, TorchKernels kernels, float[] x) {
    float[] lower = new float[x.length];
    float[] upper = new float[x.length];
    forEachBlock(host, (block, start, n) -> host.interval(block, x, start, n, lower, upper, start));
    TorchKernels.Interval found = kernels.interval(Tensor.create(x, ROWS, COLUMNS));
    assertBits(lower, floats(found.lower()), "lower");
    assertBits(upper, floats(found.upper()), "upper");
  }

  private static void assertProjection(
      Lattice host, TorchKernels kernels, ProxMap map, long step, float[] x) {
    float[] expected = new float[x.length];
    MemorySegment w = MemorySegment.ofArray(expected);
    float[] lower = new float[x.length];
    float[] upper = new float[x.length];
    forEachBlock(
        host,
        (block, start, n) -> map.apply(step, host, block, x, start, n, w, start, lower, upper));
    float[] found = floats(kernels.project(map, step, Tensor.create(x, ROWS, COLUMNS)));
    assertBits(expected, found, map + " in step " + step);
  }

  private interface BlockBody {
    void accept(int block, int start, int length);
  }

  private static void forEachBlock(Lattice lattice, BlockBody body) {
    for (int block = 0; block < lattice.layout().blocks(); block++) {
      body.accept(block, (int) lattice.layout().start(block), lattice.layout().blockLength());
    }
  }

  @Test
  void nameWhatIsNotWritten() {
    for (String text :
        List.of(
            "nf4 per-row fp32",
            "lsbq-greedy:2 per-row fp32",
            "tinygemm per-row fp32",
            "asymmetric-uniform:4 per-row fp32",
            "stretched:2+centred per-row fp32",
            "stretched:2+error-optimal per-row fp32")) {
      QuantConfig config = QuantConfig.parse(text);
      Lattice lattice = Lattice.unfitted(config, ROWS, COLUMNS);
      Exception e =
          assertThrows(
              IllegalArgumentException.class,
              () -> TorchKernels.of("layer.weight", lattice, ProxMap.hard()));
      assertTrue(e.getMessage().startsWith("layer.weight: grid " + config.grid()), e.getMessage());
    }
    Lattice plain = Lattice.unfitted(QuantConfig.of(2), ROWS, COLUMNS);
    Exception map =
        assertThrows(
            IllegalArgumentException.class,
            () -> TorchKernels.of("layer.weight", plain, ProxMap.softQuant(0, 9)));
    assertTrue(map.getMessage().startsWith("layer.weight: proximal map soft"), map.getMessage());
    Lattice e4m3 = Lattice.unfitted(QuantConfig.of(4).withScaleType(ScaleType.E4M3), ROWS, COLUMNS);
    Exception scales =
        assertThrows(
            IllegalArgumentException.class,
            () -> TorchKernels.of("layer.weight", e4m3, ProxMap.hard()));
    assertTrue(scales.getMessage().startsWith("layer.weight: e4m3 scales"), scales.getMessage());
  }
}

package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Plain loops against vectors, bit for bit, at every length up to a few vectors and any offset. */
class BlockKernelsTest {
  private static final int LONGEST = 100;
  private static final long SEED = 11;
  private static final float[] SPECIAL = {
    0f, -0f, Float.MIN_VALUE, -Float.MIN_VALUE, 1e-38f, 3e38f, -3e38f, 0.5f, -0.5f, 1.5f, -2.5f
  };
  static final java.util.List<String> UNIFORM =
      Grids.SPECS.stream().filter(spec -> Grid.parse(spec) instanceof UniformGrid).toList();

  private final BlockKernels scalar = new ScalarKernels();
  private final BlockKernels vector = new VectorKernels();
  private final Random random = new Random(SEED);

  /** Gaussian values, some special ones among them. */
  private float[] values(int n, boolean nan) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
      if (random.nextInt(8) == 0) {
        x[i] = SPECIAL[random.nextInt(SPECIAL.length)];
      }
      if (nan && random.nextInt(20) == 0) {
        x[i] = random.nextBoolean() ? Float.NaN : Float.NEGATIVE_INFINITY;
      }
    }
    return x;
  }

  private interface Check {
    void check(int from, int length, boolean nan, String at);
  }

  private static void everywhere(Check check) {
    for (int length = 0; length <= LONGEST; length++) {
      for (int from : new int[] {0, 1, 3, 7, 16}) {
        for (boolean nan : new boolean[] {false, true}) {
          check.check(
              from, length, nan, "length %d from %d, seed %d".formatted(length, from, SEED));
        }
      }
    }
  }

  @Test
  void vectorsAreChosenHere() {
    assertTrue(Kernels.areVectors());
    assertInstanceOf(VectorKernels.class, Lattice.KERNELS);
  }

  @Test
  void reductions() {
    everywhere(
        (from, length, nan, at) -> {
          float[] x = values(from + length + 5, nan);
          float centre = random.nextBoolean() ? 0f : (float) random.nextGaussian();
          same(scalar.absMax(x, from, length, centre), vector.absMax(x, from, length, centre), at);
          same(scalar.sum(x, from, length), vector.sum(x, from, length), at);
          same(scalar.sumAbs(x, from, length, centre), vector.sumAbs(x, from, length, centre), at);
          if (length > 0) {
            same(scalar.min(x, from, length), vector.min(x, from, length), at);
            same(scalar.max(x, from, length), vector.max(x, from, length), at);
          }
        });
  }

  @Test
  void sumsAreExactEnough() {
    float[] x = values(100_003, false);
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.abs(x[i]) > 1e6f ? 1f : x[i];
    }
    double exact = 0;
    for (float v : x) {
      exact += Math.abs((double) v);
    }
    assertEquals(exact, vector.sumAbs(x, 0, x.length, 0f), 1e-11 * exact);
    double[] sums = new double[1];
    vector.magnitudes(x, 0, 1, x.length, new float[1], sums);
    assertEquals(exact, sums[0], 1e-9 * exact);
  }

  @Test
  void subtraction() {
    everywhere(
        (from, length, nan, at) -> {
          float[] x = values(length + 5, nan);
          float[] y = x.clone();
          scalar.subtractSigned(x, length, 0.7f);
          vector.subtractSigned(y, length, 0.7f);
          assertArrayEquals(x, y, at);
        });
  }

  /** Blocks of every length from 1, in ones and threes, and parts of blocks. */
  @ParameterizedTest
  @FieldSource("UNIFORM")
  void uniformMaps(String spec) {
    UniformGrid grid = (UniformGrid) Grid.parse(spec);
    for (int size = 1; size <= LONGEST; size += size < 40 ? 1 : 7) {
      for (float factor : new float[] {1f, 4e37f, 1e-30f, 1e-37f, 2e-38f, 1e-42f}) {
        Lattice lattice = lattice(grid, size, factor);
        for (int length : new int[] {3 * size, size, size / 2}) {
          for (int from : new int[] {0, 1, 5}) {
            int block = length == 3 * size ? 0 : 1;
            float[] x = values(from + length + 5, true);
            for (int i = 0; i < x.length; i++) {
              x[i] *= factor;
            }
            String at = "%s, block %d of %d, %d from %d".formatted(spec, block, size, length, from);
            compareMaps(grid, lattice, block, x, from, length, at);
          }
        }
      }
    }
  }

  private Lattice lattice(Grid grid, int size, float factor) {
    QuantConfig config = new QuantConfig(grid, Granularity.perGroup(size), ScaleType.FP32);
    Lattice lattice = Lattice.unfitted(config, 2, 3L * size);
    float[] fitted = new float[3 * size];
    for (int i = 0; i < fitted.length; i++) {
      fitted[i] = factor * (float) random.nextGaussian();
    }
    lattice.fitBlocks(0, fitted, 0, fitted.length);
    return lattice;
  }

  private void compareMaps(
      UniformGrid grid, Lattice l, int block, float[] x, int from, int length, String at) {
    int to = 3;
    float[] a = new float[to + length];
    float[] b = new float[to + length];
    MemorySegment heap = MemorySegment.ofArray(b);
    MemorySegment memory = Arena.ofAuto().allocate(heap.byteSize() + 1).asSlice(1);
    scalar.nearest(grid, l, block, x, from, length, MemorySegment.ofArray(a), to);
    vector.nearest(grid, l, block, x, from, length, heap, to);
    assertArrayEquals(a, b, at);
    vector.nearest(grid, l, block, x, from, length, memory, to);
    assertEquals(-1, memory.mismatch(heap), at + " in native memory");
    byte[] codes = new byte[x.length];
    byte[] vectorCodes = new byte[x.length];
    scalar.codes(grid, l, block, x, from, length, codes, from);
    vector.codes(grid, l, block, x, from, length, vectorCodes, from);
    assertArrayEquals(codes, vectorCodes, at);
    scalar.values(grid, l, block, codes, from, length, a, to);
    vector.values(grid, l, block, codes, from, length, b, to);
    assertArrayEquals(a, b, at + " values");
    if (!grid.hasOffset()) {
      comparePiecewise(grid, l, block, x, from, length, 0.3f, at);
    }
  }

  private void comparePiecewise(
      UniformGrid grid,
      Lattice l,
      int block,
      float[] x,
      int from,
      int length,
      float slope,
      String at) {
    int to = 3;
    float[] a = new float[to + length];
    float[] b = new float[to + length];
    float[] c = new float[to + length];
    float[] d = new float[to + length];
    scalar.interval(grid, l, block, x, from, length, a, c, to);
    vector.interval(grid, l, block, x, from, length, b, d, to);
    assertArrayEquals(a, b, at + " lower");
    assertArrayEquals(c, d, at + " upper");
    scalar.piecewise(x, from, length, slope, a, c, to);
    vector.piecewise(x, from, length, slope, b, d, to);
    assertArrayEquals(c, d, at + " piecewise, by intervals");
    if (grid.isPiecewise(slope)) {
      MemorySegment heap = MemorySegment.ofArray(b);
      MemorySegment memory = Arena.ofAuto().allocate(heap.byteSize() + 1).asSlice(1);
      Arrays.fill(c, 0, to, 0f);
      Arrays.fill(a, 0, to, 0f);
      Arrays.fill(b, 0, to, 0f);
      scalar.piecewise(grid, l, block, x, from, length, slope, MemorySegment.ofArray(a), to);
      assertArrayEquals(c, a, at + " piecewise");
      vector.piecewise(grid, l, block, x, from, length, slope, heap, to);
      assertArrayEquals(c, b, at + " piecewise, by vectors");
      vector.piecewise(grid, l, block, x, from, length, slope, memory, to);
      assertEquals(-1, memory.mismatch(heap), at + " piecewise, in native memory");
    }
  }

  /**
   * Where quotients may be on the wrong side of an integer, with slopes that still allow for it.
   */
  @ParameterizedTest
  @FieldSource("UNIFORM")
  void piecewiseNearLevels(String spec) {
    UniformGrid grid = (UniformGrid) Grid.parse(spec);
    int size = 32;
    float flattest = Math.nextDown(1f - grid.levelCount() * 0x1p-20f);
    for (int round = 0; round < 200 && !grid.hasOffset(); round++) {
      Lattice lattice = lattice(grid, size, (float) Math.exp(3 * random.nextGaussian()));
      float[] x = new float[3 * size];
      for (int i = 0; i < x.length; i++) {
        float[] levels = lattice.levels(i / size);
        float level = levels[random.nextInt(levels.length)];
        x[i] = level + (random.nextInt(9) - 4) * Math.ulp(level);
      }
      for (float slope : new float[] {flattest, 0.9f, 0.01f, Float.MIN_NORMAL}) {
        String at = "%s, round %d, slope %s, seed %d".formatted(spec, round, slope, SEED);
        assertEquals(!spec.startsWith("asymmetric-uniform"), grid.isPiecewise(slope), at);
        comparePiecewise(grid, lattice, 0, x, 0, x.length, slope, at);
      }
    }
  }

  @Test
  void partOfAHugeBlock() {
    UniformGrid grid = UniformGrid.symmetric(4);
    QuantConfig config = new QuantConfig(grid, Granularity.perTensor(), ScaleType.FP32);
    Lattice lattice = Lattice.unfitted(config, 8, 268_435_455);
    lattice.scales()[0] = 0.37f;
    compareMaps(grid, lattice, 0, values(64, true), 0, 64, "seed " + SEED);
  }

  @Test
  void partsAboveBounds() {
    float[] cuts = {9f, 1.5f, 0.7f, 0.6f, 0.1f};
    for (int length = 0; length <= LONGEST; length++) {
      float[] x = values(length, false);
      assertEquals(scalar.sumFrom(x, length, 0.5f), vector.sumFrom(x, length, 0.5f), "" + length);
      float[] sums = new float[5];
      float[] vectorSums = new float[5];
      int[] counts = {0, 1, 2, 3, 4};
      int[] vectorCounts = counts.clone();
      scalar.tally(x, 0, length, cuts, 1, sums, counts);
      vector.tally(x, 0, length, cuts, 1, vectorSums, vectorCounts);
      assertArrayEquals(counts, vectorCounts, "length " + length);
      assertArrayEquals(sums, vectorSums, 1e-5f * (1 + sums[4]), "length " + length);
      float[] picked = new float[length];
      float[] vectorPicked = x.clone();
      int found = scalar.select(x, length, 0.2f, 0.9f, picked);
      assertEquals(found, vector.select(vectorPicked, length, 0.2f, 0.9f, vectorPicked));
      float[] own = Arrays.copyOf(picked, found);
      assertArrayEquals(own, Arrays.copyOf(vectorPicked, found), "in place, length " + length);
    }
  }

  @Test
  void magnitudes() {
    for (int size = 1; size <= LONGEST; size++) {
      for (int from : new int[] {0, 1, 5}) {
        magnitudes(from, 3, size);
      }
    }
  }

  @Test
  void magnitudesOfManyRuns() {
    for (int size : new int[] {32, 64, 96, 128, 160, 256, 384, 1000, 8192, 8320, 20_000}) {
      magnitudes(1, 101, size);
    }
  }

  private void magnitudes(int from, int blocks, int size) {
    float[] x = values(from + blocks * size, size % 5 == 0);
    float[] largest = new float[blocks];
    float[] vectorLargest = new float[blocks];
    double[] sums = new double[blocks];
    double[] vectorSums = new double[blocks];
    scalar.magnitudes(x, from, blocks, size, largest, sums);
    vector.magnitudes(x, from, blocks, size, vectorLargest, vectorSums);
    assertArrayEquals(largest, vectorLargest, "size " + size);
    assertArrayEquals(sums, vectorSums, "size " + size);
  }

  @Test
  void searches() {
    everywhere(
        (from, length, nan, at) -> {
          int count = 2 + random.nextInt(40);
          float[] levels = values(count, false);
          Arrays.sort(levels);
          float[] thresholds = new float[count];
          for (int i = 0; i < count - 1; i++) {
            thresholds[i] = random.nextBoolean() ? levels[i + 1] : Math.nextUp(levels[i]);
          }
          Arrays.sort(thresholds, 0, count - 1);
          float[] x = values(from + length + 5, nan);
          for (int i = 0; i < x.length; i += 3) {
            x[i] = levels[random.nextInt(count)];
          }
          float[] a = new float[x.length];
          float[] b = new float[x.length];
          scalar.search(levels, thresholds, count, x, from, length, a, from);
          vector.search(levels, thresholds, count, x, from, length, b, from);
          assertArrayEquals(a, b, at);
          float[] c = new float[x.length];
          float[] d = new float[x.length];
          scalar.searchInterval(levels, count, x, from, length, a, c, 2);
          vector.searchInterval(levels, count, x, from, length, b, d, 2);
          assertArrayEquals(a, b, at);
          assertArrayEquals(c, d, at);
        });
  }

  private static void same(float a, float b, String at) {
    assertEquals(Float.floatToIntBits(a), Float.floatToIntBits(b), () -> at + ": " + a + ", " + b);
  }

  private static void same(double a, double b, String at) {
    long bits = Double.doubleToLongBits(a);
    assertEquals(bits, Double.doubleToLongBits(b), () -> at + ": " + a + ", " + b);
  }
}

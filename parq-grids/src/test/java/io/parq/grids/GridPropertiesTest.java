package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class GridPropertiesTest {
  private static final int ROWS = 4;
  private static final int COLUMNS = 24;

  @Provide
  Arbitrary<QuantConfig> configs() {
    return Grids.configs();
  }

  @Provide
  Arbitrary<float[]> tensors() {
    return Grids.tensors();
  }

  private static QuantizedTensor quantize(QuantConfig config, float[] x) {
    return QuantizedTensor.quantize(config, MemorySegment.ofArray(x), ROWS, COLUMNS);
  }

  private static int blockOf(Lattice lattice, int i) {
    return i / lattice.layout().blockLength();
  }

  @Property(tries = 2000)
  void valuesAreNearestLevelsWithTiesToTheEvenCode(
      @ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    QuantizedTensor quantized = quantize(config, x);
    Lattice lattice = quantized.lattice();
    float[] values = quantized.dequantize();
    for (int i = 0; i < x.length; i++) {
      float[] levels = lattice.levels(blockOf(lattice, i));
      int code = quantized.codes().get(java.lang.foreign.ValueLayout.JAVA_BYTE, i);
      int index = code - lattice.grid().minCode();
      assertEquals(levels[index], values[i], "value of the code");
      double chosen = Math.abs((double) x[i] - levels[index]);
      double least = chosen;
      for (float level : levels) {
        least = Math.min(least, Math.abs((double) x[i] - level));
      }
      float size = Math.max(Math.abs(x[i]), Math.abs(levels[index]));
      float[] offsets = lattice.offsets();
      if (offsets != null) {
        // Subtracting the offset rounds in the binade of the farthest level.
        size = Math.max(size, Math.abs(offsets[blockOf(lattice, i)]));
        size = Math.max(size, Math.max(-levels[0], levels[levels.length - 1]));
      }
      double ulp = 4 * Math.ulp(size);
      assertTrue(chosen <= least + ulp, () -> "not the nearest level of " + config);
    }
  }

  @Property(tries = 1000)
  void levelsAscend(@ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    Lattice lattice = quantize(config, x).lattice();
    for (int block = 0; block < lattice.layout().blocks(); block++) {
      float[] levels = lattice.levels(block);
      float[] sorted = levels.clone();
      Arrays.sort(sorted);
      assertEquals(lattice.grid().levelCount(), levels.length);
      assertArrayEquals(sorted, levels);
    }
  }

  @Property(tries = 1000)
  void quantizingAgainWithTheSameScalesChangesNothing(
      @ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    QuantizedTensor once = quantize(config, x);
    float[] values = once.dequantize();
    QuantizedTensor twice = QuantizedTensor.of(once.lattice(), MemorySegment.ofArray(values));
    assertArrayEquals(values, twice.dequantize());
    float[] nearest = new float[COLUMNS * ROWS];
    Lattice lattice = once.lattice();
    int length = lattice.layout().blockLength();
    for (int block = 0; block < lattice.layout().blocks(); block++) {
      lattice.nearest(
          block,
          values,
          block * length,
          length,
          MemorySegment.ofArray(nearest),
          (long) block * length);
    }
    assertArrayEquals(values, nearest);
  }

  @Property(tries = 500)
  void refittingAnAbsoluteMaximumChangesNothing(@ForAll("tensors") float[] x) {
    for (String spec :
        new String[] {"clipped:4:max:1.0:0.0", "clipped:3:max:0.5:0.5", "nf4", "fp4"}) {
      QuantConfig config = QuantConfig.of(4).withGrid(Grid.parse(spec));
      QuantizedTensor once = quantize(config, x);
      QuantizedTensor twice = quantize(config, once.dequantize());
      for (int row = 0; row < ROWS; row++) {
        float scale = once.lattice().scales()[row];
        assertEquals(scale, twice.lattice().scales()[row], Math.ulp(scale), spec);
      }
      assertEquals(-1, once.codes().mismatch(twice.codes()), spec);
    }
  }

  @Property(tries = 500)
  void scalingByAPowerOfTwoScalesTheResult(
      @ForAll("configs") QuantConfig config,
      @ForAll("tensors") float[] x,
      @ForAll @IntRange(min = -3, max = 3) int power) {
    if (config.scaleType() == ScaleType.FP16 || config.grid().equals(UniformGrid.tinygemm())) {
      return; // bounded below: half precision by its subnormals, tinygemm by its epsilon
    }
    float[] scaled = new float[x.length];
    boolean tiny = false;
    for (int i = 0; i < x.length; i++) {
      scaled[i] = Math.scalb(x[i], power);
      tiny |= x[i] != 0 && Math.abs(x[i]) < 1e-20f;
    }
    if (tiny) {
      return;
    }
    float[] expected = quantize(config, x).dequantize();
    float[] actual = quantize(config, scaled).dequantize();
    for (int i = 0; i < x.length; i++) {
      float e = Math.scalb(expected[i], power);
      // Zero blocks keep the smallest scale, so levels around zero do not scale with the input.
      assertEquals(e, actual[i], 1e-30f, config::toString);
    }
  }

  @Property(tries = 500)
  void rowPermutationCommutes(@ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    if (config.granularity() instanceof Granularity.PerTensor) {
      return; // sums run in another order
    }
    float[] reversed = reverseRows(x);
    float[] expected = reverseRows(quantize(config, x).dequantize());
    float[] actual = quantize(config, reversed).dequantize();
    assertArrayEquals(expected, actual, config::toString);
  }

  private static float[] reverseRows(float[] x) {
    float[] y = new float[x.length];
    for (int row = 0; row < ROWS; row++) {
      System.arraycopy(x, row * COLUMNS, y, (ROWS - 1 - row) * COLUMNS, COLUMNS);
    }
    return y;
  }

  @Property(tries = 500)
  void zeroRowsStayZeroWhereZeroIsALevel(
      @ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    Arrays.fill(x, 0, COLUMNS, 0f);
    QuantizedTensor quantized = quantize(config, x);
    float[] values = quantized.dequantize();
    for (int i = 0; i < COLUMNS; i++) {
      float[] levels = quantized.lattice().levels(blockOf(quantized.lattice(), i));
      boolean zeroIsALevel = false;
      for (float level : levels) {
        zeroIsALevel |= level == 0f;
      }
      if (zeroIsALevel) {
        assertEquals(0f, values[i], config::toString);
      }
    }
  }

  @Property(tries = 500)
  void errorOfAbsoluteMaximumFitsIsHalfAStep(
      @ForAll("tensors") float[] x, @ForAll @IntRange(min = 2, max = 8) int bits) {
    for (String name :
        new String[] {"symmetric:%d", "clipped:%d:max:1.0:0.0", "clipped:%d:max:0.5:0.5"}) {
      QuantConfig config = QuantConfig.of(4).withGrid(Grid.parse(name.formatted(bits)));
      assertErrorWithin(0.5001, config, x);
    }
    for (String name : new String[] {"asymmetric:%d", "asymmetric-uniform:%d"}) {
      QuantConfig config = QuantConfig.of(4).withGrid(Grid.parse(name.formatted(bits)));
      assertErrorWithin(1.0001, config, x);
    }
    assertErrorWithin(0.5001, QuantConfig.of(4).withGrid(UniformGrid.ternary()), x);
  }

  private static void assertErrorWithin(double steps, QuantConfig config, float[] x) {
    QuantizedTensor quantized = quantize(config, x);
    float[] values = quantized.dequantize();
    for (int i = 0; i < x.length; i++) {
      float scale = quantized.lattice().scales()[i / COLUMNS];
      assertEquals(x[i], values[i], steps * scale, config::toString);
    }
  }

  @Property(tries = 1000)
  void intervalsAreTheLevelsAround(
      @ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    Lattice lattice = quantize(config, x).lattice();
    int length = lattice.layout().blockLength();
    float[] lower = new float[x.length];
    float[] upper = new float[x.length];
    for (int block = 0; block < lattice.layout().blocks(); block++) {
      float[] levels = lattice.levels(block);
      float[] probes = x.clone();
      for (int i = 0; i < length; i += 3) {
        probes[block * length + i] = levels[i % levels.length];
      }
      lattice.interval(block, probes, block * length, length, lower, upper, block * length);
      for (int i = block * length; i < (block + 1) * length; i++) {
        int index = 0;
        while (index < levels.length && levels[index] < probes[i]) {
          index++;
        }
        assertEquals(levels[Math.max(index - 1, 0)], lower[i], config::toString);
        assertEquals(levels[Math.min(index, levels.length - 1)], upper[i], config::toString);
      }
    }
  }

  @Property(tries = 300)
  void errorOptimalScalesBeatEveryOther(
      @ForAll("tensors") float[] x, @ForAll @IntRange(min = 2, max = 4) int bits) {
    float[] importance = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      importance[i] = 0.5f + i % 5;
    }
    for (UniformGrid grid :
        new UniformGrid[] {UniformGrid.symmetric(bits), UniformGrid.stretched(bits)}) {
      QuantConfig config = QuantConfig.of(4).withGrid(grid.errorOptimal());
      Lattice plain = Lattice.unfitted(config, ROWS, COLUMNS);
      plain.fit(MemorySegment.ofArray(x));
      Lattice weighted = Lattice.unfitted(config, ROWS, COLUMNS);
      weighted.fit(MemorySegment.ofArray(x), importance);
      for (int row = 0; row < ROWS; row++) {
        float most = Lattice.KERNELS.absMax(x, row * COLUMNS, COLUMNS, 0f);
        double least = error(plain, x, row, null);
        double leastWeighted = error(weighted, x, row, importance);
        for (int j = 1; j <= 400; j++) {
          Lattice other = Lattice.unfitted(config, ROWS, COLUMNS);
          other.scales()[row] = Math.max(most * j / 300f / grid.maxCode(), Float.MIN_NORMAL);
          assertTrue(least <= error(other, x, row, null) * 1.00001 + 1e-12);
          assertTrue(leastWeighted <= error(other, x, row, importance) * 1.00001 + 1e-12);
        }
      }
    }
  }

  private static double error(Lattice lattice, float[] x, int row, float[] importance) {
    float[] q = new float[x.length];
    lattice.nearest(row, x, row * COLUMNS, COLUMNS, MemorySegment.ofArray(q), (long) row * COLUMNS);
    double sum = 0;
    for (int i = row * COLUMNS; i < (row + 1) * COLUMNS; i++) {
      double d = (double) x[i] - q[i];
      sum += (importance == null ? 1 : importance[i % COLUMNS]) * d * d;
    }
    return sum;
  }

  @Example
  void specsReadBack() {
    for (String spec : Grids.SPECS) {
      assertEquals(spec, Grid.parse(spec).spec());
    }
  }

  @Property(tries = 300)
  void configurationsReadBack(@ForAll("configs") QuantConfig config) {
    assertEquals(config, QuantConfig.parse(config.toString()));
  }

  @Property(tries = 300)
  void stateReadsBack(@ForAll("configs") QuantConfig config, @ForAll("tensors") float[] x) {
    QuantizedTensor quantized = quantize(config, x);
    Lattice loaded = Lattice.unfitted(config, ROWS, COLUMNS);
    loaded.load(quantized.lattice().state());
    assertArrayEquals(
        quantized.dequantize(), new QuantizedTensor(loaded, quantized.codes()).dequantize());
  }
}

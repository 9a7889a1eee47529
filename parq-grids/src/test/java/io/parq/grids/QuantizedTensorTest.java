package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Quantizing block by block, from any float type. */
class QuantizedTensorTest {
  private static final int ROWS = 70;
  private static final int COLUMNS = 1056;
  static final java.util.List<String> SPECS = Grids.SPECS;

  @ParameterizedTest
  @FieldSource("SPECS")
  void blocksOfAnyTypeGiveWhatTheWholeGives(String spec) {
    Random random = new Random(3);
    short[] bits = new short[ROWS * COLUMNS];
    float[] floats = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = SmallFloat.toBf16((float) random.nextGaussian());
      floats[i] = SmallFloat.fromBf16(bits[i]);
    }
    TensorData halves =
        new TensorData(DType.BF16, new long[] {ROWS, COLUMNS}, MemorySegment.ofArray(bits));
    for (String granularity : new String[] {"per-row", "group:32", "group:33", "per-tensor"}) {
      QuantConfig config =
          new QuantConfig(Grid.parse(spec), Granularity.parse(granularity), ScaleType.BF16);
      QuantizedTensor whole =
          QuantizedTensor.quantize(config, MemorySegment.ofArray(floats), ROWS, COLUMNS);
      QuantizedTensor blocks = QuantizedTensor.quantize(config, halves);
      assertArrayEquals(whole.lattice().scales(), blocks.lattice().scales(), config.toString());
      assertEquals(-1, whole.codes().mismatch(blocks.codes()), config.toString());
      assertArrayEquals(whole.dequantize(), blocks.dequantize(), config.toString());
    }
    bits[5] = SmallFloat.toBf16(Float.NaN);
    QuantConfig config = new QuantConfig(Grid.parse(spec), Granularity.perRow(), ScaleType.FP32);
    Exception e =
        assertThrows(
            IllegalArgumentException.class, () -> QuantizedTensor.quantize(config, halves));
    assertEquals("value at index 5 is NaN, expected finite", e.getMessage());
  }
}

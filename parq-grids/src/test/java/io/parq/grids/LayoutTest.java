package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LayoutTest {
  private static void assertMessage(String expected, Executable bad) {
    assertEquals(expected, assertThrows(IllegalArgumentException.class, bad).getMessage());
  }

  @Test
  void aConvolutionsRowIsItsOutputChannel() {
    BlockLayout layout = BlockLayout.of(new long[] {8, 3, 5, 5}, Granularity.perRow());
    assertEquals(new BlockLayout(8, 75, 75), layout);
    assertEquals(8, layout.blocks());
    assertEquals(150, layout.start(2));
  }

  @Test
  void aVectorIsOneRow() {
    assertEquals(new BlockLayout(1, 12, 12), BlockLayout.of(new long[] {12}, Granularity.perRow()));
    assertEquals(3, BlockLayout.of(new long[] {12}, Granularity.perGroup(4)).blocks());
    assertEquals(1, BlockLayout.of(new long[] {3, 4}, Granularity.perTensor()).blocks());
  }

  @Test
  void offsetsAreLong() {
    BlockLayout layout = BlockLayout.of(new long[] {100_000, 100_000}, Granularity.perGroup(32));
    assertEquals(10_000_000_000L, layout.size());
    assertEquals(312_499_999L * 32, layout.start(312_499_999));
  }

  @Test
  void shapesThatDoNotFitAreNamed() {
    assertMessage(
        "100 columns are not divisible by group size 32",
        () -> BlockLayout.of(new long[] {4, 100}, Granularity.perGroup(32)));
    assertMessage(
        "rank 0, expected 1 to 4", () -> BlockLayout.of(new long[0], Granularity.perRow()));
    assertMessage(
        "rank 5, expected 1 to 4",
        () -> BlockLayout.of(new long[] {1, 1, 1, 1, 1}, Granularity.perRow()));
    assertMessage(
        "a block of 10000000000 elements (per-tensor), expected at most 2147483647",
        () -> BlockLayout.of(new long[] {100_000, 100_000}, Granularity.perTensor()));
    assertThrows(
        ArithmeticException.class,
        () -> BlockLayout.of(new long[] {1L << 40, 1L << 40}, Granularity.perGroup(32)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"per-tensor", "per-row", "group:32"})
  void granularitiesReadBack(String text) {
    assertEquals(text, Granularity.parse(text).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "rows", "group:", "group:x", "group:99999999999"})
  void unknownGranularitiesAreRefused(String text) {
    assertMessage(
        "granularity '" + text + "', expected per-tensor, per-row or group:SIZE",
        () -> Granularity.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "symmetric:1",
        "symmetric:9",
        "stretched:0",
        "stretched",
        "stretched:two",
        "nf4:4",
        "lsbq-greedy:5",
        "lsbq-optimal:3",
        "clipped:3:mean:0.5:0.0",
        "clipped:3:mean:0.25:0.25",
        "clipped:3:mean:0.0:0.0",
        "clipped:3:median:0.5:0.5",
        "asymmetric:4+centred",
        "nf4+error-optimal",
        "asymmetric:4+error-optimal",
        "ternary+bright",
        "lsbq-simple-ternary:0"
      })
  void badGridsAreRefused(String spec) {
    assertThrows(IllegalArgumentException.class, () -> Grid.parse(spec));
  }

  @ParameterizedTest
  @CsvSource({"2,stretched:2", "3,stretched:3", "4,symmetric:4", "8,symmetric:8", "1,stretched:1"})
  void defaultsAreThoseOfTorchao(int bits, String grid) {
    assertEquals(grid + " per-row fp32", QuantConfig.of(bits).toString());
  }

  @Test
  void e4m3ScalesNeedASingleScale() {
    assertThrows(
        IllegalArgumentException.class,
        () -> QuantConfig.of(4).withScaleType(ScaleType.E4M3).withGrid(UniformGrid.asymmetric(4)));
  }

  @Test
  void tensorsViewAnyMemory() {
    float[] values = {1.5f, -2f, 0f, 3f};
    assertArrayEquals(values, TensorData.of(values, 2, 2).toFloats());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment half = arena.allocate(8);
      for (int i = 0; i < 4; i++) {
        half.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(values[i]));
      }
      assertArrayEquals(values, new TensorData(DType.F16, new long[] {4}, half).toFloats());
      assertMessage(
          "F32 tensor of shape [3] takes 12 bytes, found 8",
          () -> new TensorData(DType.F32, new long[] {3}, half));
      assertMessage(
          "I16 elements, expected a floating-point type",
          () -> new TensorData(DType.I16, new long[] {4}, half).toFloats());
    }
  }

  @Test
  void tensorsMayLieInSeveralParts() {
    float[] first = {1, 2, 3};
    float[] second = {4};
    float[] third = {5, 6};
    List<MemorySegment> parts =
        List.of(
            MemorySegment.ofArray(first),
            MemorySegment.ofArray(second).asReadOnly(),
            MemorySegment.ofArray(new float[0]),
            MemorySegment.ofArray(third));
    TensorData tensor = new TensorData(DType.F32, new long[] {2, 3}, parts);
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, tensor.toFloats());
    for (int start = 0; start < 6; start++) {
      for (int length = 0; length <= 6 - start; length++) {
        float[] found = new float[length + 1];
        tensor.toFloats(start, found, 1, length);
        for (int i = 0; i < length; i++) {
          assertEquals(start + i + 1, found[i + 1]);
        }
      }
    }
    assertEquals(6, tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, 5));
    NamedTensors view = new NamedTensors(Map.of("t", tensor), Map.of("v", "1"));
    NamedTensors copy = view.copy();
    third[0] = 7;
    assertEquals(7, view.tensors().get("t").toFloats()[4]);
    assertEquals(5, copy.tensors().get("t").toFloats()[4]);
    assertEquals("F32[2, 3]", copy.tensors().get("t").toString());
    assertEquals(1, copy.tensors().get("t").parts().size());
    assertEquals(view.values(), copy.values());
    assertMessage(
        "F32 tensor of shape [7] takes 28 bytes, found 24",
        () -> new TensorData(DType.F32, new long[] {7}, parts));
  }

  @Test
  void floatTypesAreThoseWithFractions() {
    assertTrue(DType.BF16.isFloat() && DType.F8_E8M0.isFloat());
    assertFalse(DType.U16.isFloat() || DType.BOOL.isFloat());
  }

  @Test
  void codesOutsideTheGridAreRefused() {
    Lattice lattice = Lattice.unfitted(QuantConfig.of(2), 1, 4);
    byte[] codes = {0, 1, 2, -1};
    assertMessage(
        "code 2 at index 2, expected -2 to 1 for grid stretched:2",
        () -> new QuantizedTensor(lattice, MemorySegment.ofArray(codes)));
  }

  @Test
  void otherStatesAreRefused() {
    Lattice lattice = Lattice.unfitted(QuantConfig.of(2), 2, 4);
    assertMessage(
        "lattice of stretched:3 per-row fp32, expected stretched:2 per-row fp32",
        () -> lattice.load(Lattice.unfitted(QuantConfig.of(3), 2, 4).state()));
    assertMessage(
        "lattice state 'scales': found F32[3], expected 2 floats",
        () -> lattice.load(Lattice.unfitted(QuantConfig.of(2), 3, 4).state()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"stretched:1", "ternary", "symmetric:4", "tinygemm", "symmetric:8", "nf4"})
  void onlyTheGridsCodes(String spec) {
    Grid grid = Grid.parse(spec);
    for (int length : new int[] {1, 7, 8, 9, 20}) {
      QuantConfig config = new QuantConfig(grid, Granularity.perTensor(), ScaleType.FP32);
      Lattice lattice = Lattice.unfitted(config, length);
      byte[] codes = new byte[length];
      Arrays.fill(codes, (byte) grid.maxCode());
      for (int at = 0; at < length; at++) {
        for (int code = Byte.MIN_VALUE; code <= Byte.MAX_VALUE; code++) {
          codes[at] = (byte) code;
          MemorySegment segment = MemorySegment.ofArray(codes);
          if (code >= grid.minCode() && code <= grid.maxCode()) {
            assertEquals(
                code, new QuantizedTensor(lattice, segment).codes().get(ValueLayout.JAVA_BYTE, at));
          } else {
            String message =
                assertThrows(
                        IllegalArgumentException.class, () -> new QuantizedTensor(lattice, segment))
                    .getMessage();
            assertTrue(message.startsWith("code %d at index %d,".formatted(code, at)), message);
          }
        }
        codes[at] = (byte) grid.minCode();
      }
    }
  }
}

package io.parq.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.safetensors.SafetensorsException;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParqFileTest {
  private static final QuantConfig STRETCHED = QuantConfig.parse("stretched:3 group:8 bf16");

  @TempDir Path folder;

  private static QuantizedTensor quantize(QuantConfig config, long seed, long... shape) {
    float[] weights = Configs.weights((int) TensorData.elements(shape), seed);
    return QuantizedTensor.quantize(config, MemorySegment.ofArray(weights), shape);
  }

  private static void assertSame(QuantizedTensor expected, QuantizedTensor found) {
    assertEquals(expected.lattice().config(), found.lattice().config());
    assertArrayEquals(expected.shape(), found.shape());
    assertEquals(-1, expected.codes().mismatch(found.codes()));
    assertBits(expected.dequantize(), found.dequantize());
    assertBits(expected.lattice().scales(), found.lattice().scales());
    assertEquals(expected.lattice().tensorScale(), found.lattice().tensorScale());
  }

  private static void assertBits(float[] expected, float[] found) {
    assertEquals(-1, MemorySegment.ofArray(expected).mismatch(MemorySegment.ofArray(found)));
  }

  @Test
  void everyGridGranularityAndScaleTypeComesBackBitForBit() throws IOException {
    Map<String, QuantizedTensor> quantized = new LinkedHashMap<>();
    for (QuantConfig config : Configs.all()) {
      quantized.put("w." + config, quantize(config, config.hashCode(), 3, 24));
      if (config.granularity().toString().equals("per-row")) {
        quantized.put("odd." + config, quantize(config, config.hashCode(), 5, 7));
        quantized.put("vector." + config, quantize(config, config.hashCode(), 13));
        quantized.put("kernel." + config, quantize(config, config.hashCode(), 2, 3, 1, 3));
      }
    }
    assertTrue(quantized.size() > 1500, "cases: " + quantized.size());
    Map<String, TensorData> others = Map.of("bias", TensorData.of(new float[] {1, 2}, 2));
    Path file = folder.resolve("all.safetensors");
    ParqFile.write(file, quantized, others, Map.of("format", "pt"));
    try (ParqFile read = ParqFile.open(file)) {
      assertEquals(quantized.keySet(), new HashSet<>(read.quantizedNames()));
      assertEquals(others.keySet(), read.otherNames());
      assertEquals(Map.of("format", "pt"), read.metadata());
      assertArrayEquals(new float[] {1, 2}, read.other("bias").toFloats());
      for (Map.Entry<String, QuantizedTensor> entry : quantized.entrySet()) {
        assertSame(entry.getValue(), read.quantized(entry.getKey()));
      }
    }
  }

  @Test
  void partsAreNamedTypedAndShapedAsDocumented() throws IOException {
    Path file = folder.resolve("parts.safetensors");
    Map<String, QuantizedTensor> quantized = new LinkedHashMap<>();
    quantized.put("a", quantize(STRETCHED, 1, 5, 24));
    quantized.put("b", quantize(QuantConfig.parse("lsbq-greedy:2+centred per-row fp16"), 2, 3, 7));
    quantized.put("c", quantize(QuantConfig.parse("fp4 group:16 e4m3"), 3, 2, 2, 16));
    quantized.put("d", quantize(QuantConfig.parse("asymmetric:4 per-tensor fp32"), 4, 3, 5));
    ParqFile.write(file, quantized, Map.of(), Map.of());
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      assertEquals(
          "[a.codes U8[5, 9], a.scales BF16[5, 3],"
              + " b.codes U8[3, 2], b.scales F16[3, 1, 2], b.offsets F32[3, 1],"
              + " c.codes U8[2, 16], c.scales F8_E4M3[2, 2], c.tensor_scale F32[1],"
              + " d.codes U8[3, 3], d.scales F32[1, 1], d.zero_points F32[1, 1]]",
          reader.tensors().toString());
      assertEquals("1", reader.metadata().get("parq.format"));
      assertEquals(
          "{\"config\":\"stretched:3 group:8 bf16\",\"shape\":[5,24]}",
          reader.metadata().get("parq.tensor.a"));
    }
    try (ParqFile read = ParqFile.open(file)) {
      PackedTensor a = read.packed("a");
      assertEquals(5 * 9 + 2 * 15, a.byteSize());
      assertEquals(8.0 * 75 / 120, a.bitsPerWeight());
    }
  }

  @Test
  void aScaleThatItsTypeCannotHoldIsNamedAndNothingIsWritten() throws IOException {
    QuantizedTensor tensor = quantize(STRETCHED, 1, 2, 24);
    tensor.lattice().scales()[4] = 0.1f;
    Path file = Files.writeString(folder.resolve("x.safetensors"), "before");
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () -> ParqFile.write(file, Map.of("layer.weight", tensor), Map.of(), Map.of()));
    assertEquals(
        "layer.weight: block 4: scales 0.1 is not exact as bf16, which gives 0.100097656",
        e.getMessage());
    assertEquals("before", Files.readString(file));
    assertEquals(1, folder.toFile().list().length);
  }

  @Test
  void namesAndKeysMustNotCollide() {
    Path file = folder.resolve("x.safetensors");
    Map<String, QuantizedTensor> quantized = Map.of("a", quantize(STRETCHED, 1, 2, 24));
    Map<String, TensorData> taken = Map.of("a.codes", TensorData.of(new float[1], 1));
    assertThrows(
        IllegalArgumentException.class, () -> ParqFile.write(file, quantized, taken, Map.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> ParqFile.write(file, quantized, Map.of(), Map.of("parq.tensor.z", "{}")));
    assertFalse(Files.exists(file));
  }

  /** Writes a good file, damages what it says or holds, and returns the error of reading it. */
  private String damaged(BiConsumer<Map<String, TensorData>, Map<String, String>> damage)
      throws IOException {
    Path good = folder.resolve("good.safetensors");
    QuantConfig ternary = QuantConfig.parse("ternary per-row fp32");
    ParqFile.write(good, Map.of("w", quantize(ternary, 1, 2, 3)), Map.of(), Map.of());
    NamedTensors content = SafetensorsReader.read(good);
    Map<String, TensorData> tensors = new LinkedHashMap<>(content.tensors());
    Map<String, String> values = new LinkedHashMap<>(content.values());
    damage.accept(tensors, values);
    Path bad = folder.resolve("bad.safetensors");
    SafetensorsWriter.write(bad, new NamedTensors(tensors, values));
    Exception e =
        assertThrows(
            SafetensorsException.class,
            () -> {
              try (ParqFile file = ParqFile.open(bad)) {
                file.quantized("w");
              }
            });
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith(bad + ": "), message);
    return message.substring((bad + ": ").length());
  }

  @Test
  void damagedFilesAreRefusedWithTheReason() throws IOException {
    String key = "parq.tensor.w";
    assertEquals(
        "parq.format is null, expected 1", damaged((_, values) -> values.remove("parq.format")));
    assertEquals(
        "parq.format is 2, expected 1", damaged((_, values) -> values.put("parq.format", "2")));
    assertEquals(
        "tensor 'w': not found, expected one of 0 quantized tensors",
        damaged((_, values) -> values.remove(key)));
    for (String json :
        List.of(
            "",
            "x",
            "{}",
            "[]",
            "{\"config\":\"ternary per-row fp32\"}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":\"2\"}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":{\"0\":2,\"1\":3}}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":[2,3.5]}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":[2,-3]}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":[4294967296,4294967296]}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":[1,1,1,1,6]}",
            "{\"config\":\"octonary per-row fp32\",\"shape\":[2,3]}",
            "{\"config\":\"ternary group:2 fp32\",\"shape\":[2,3]}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":[2,3]} {}",
            "{\"config\":\"ternary per-row fp32\",\"shape\":[2,3],\"shape\":[2,3]}")) {
      String message = damaged((_, values) -> values.put(key, json));
      assertTrue(message.startsWith("tensor 'w': parq.tensor.w: "), message);
    }
    assertEquals(
        "tensor 'w': found part w.codes U8[2, 1], expected w.codes U8[3, 1]",
        damaged(
            (_, values) ->
                values.put(key, "{\"config\":\"ternary per-row fp32\",\"shape\":[3,2]}")));
    assertEquals(
        "tensor 'w': found part null, expected w.scales F32[2, 1]",
        damaged((tensors, _) -> tensors.remove("w.scales")));
    assertEquals(
        "tensor 'w': found part w.scales F32[2], expected w.scales F32[2, 1]",
        damaged((tensors, _) -> tensors.put("w.scales", TensorData.of(new float[2], 2))));
    assertEquals(
        "tensor 'w': block 1: scales NaN, expected finite",
        damaged(
            (tensors, _) ->
                tensors.put("w.scales", TensorData.of(new float[] {1, Float.NaN}, 2, 1))));
    assertEquals(
        "tensor 'w': code 2 at index 3, expected -1 to 1",
        damaged((tensors, _) -> tensors.put("w.codes", codes(0, 3))));
    assertEquals(
        "tensor 'w': row 0: the last 2 bits are not zero, expected padding",
        damaged((tensors, _) -> tensors.put("w.codes", codes(0x40, 0))));
  }

  private static TensorData codes(int first, int second) {
    byte[] bytes = {(byte) first, (byte) second};
    return new TensorData(DType.U8, new long[] {2, 1}, MemorySegment.ofArray(bytes));
  }

  @Test
  void aPlainFileIsNotAPackedOne() throws IOException {
    Path file = folder.resolve("plain.safetensors");
    SafetensorsWriter.write(
        file, new NamedTensors(Map.of("a", TensorData.of(new float[1], 1)), Map.of()));
    Exception e = assertThrows(SafetensorsException.class, () -> ParqFile.open(file));
    assertEquals(file + ": parq.format is null, expected 1", e.getMessage());
  }

  @Test
  void partsMakeAPackedTensor() {
    QuantizedTensor tensor = quantize(STRETCHED, 1, 2, 24);
    PackedTensor packed = PackedTensor.pack(tensor);
    PackedTensor again = PackedTensor.of(STRETCHED, new long[] {2, 24}, packed.parts());
    assertSame(tensor, again.unpack());
    Map<String, TensorData> parts = new LinkedHashMap<>(packed.parts());
    parts.put("offsets", TensorData.of(new float[6], 2, 3));
    assertThrows(
        IllegalArgumentException.class,
        () -> PackedTensor.of(STRETCHED, new long[] {2, 24}, parts));
    parts.remove("offsets");
    parts.remove("codes");
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () -> PackedTensor.of(STRETCHED, new long[] {2, 24}, parts));
    assertEquals("part codes: found none, expected U8[2, 9]", e.getMessage());
  }
}

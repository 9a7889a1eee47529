package io.parq.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.SafetensorsQuantizer.Options;
import io.parq.export.SafetensorsQuantizer.Report;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsQuantizerTest {
  private static final QuantConfig TWO_BITS = QuantConfig.parse("stretched:2 group:8 bf16");
  private static final QuantConfig FOUR_BITS = QuantConfig.of(4);
  private static final Options OPTIONS = new Options(TWO_BITS, FOUR_BITS, null, false, false);

  @TempDir Path folder;
  private final Map<String, TensorData> tensors = new LinkedHashMap<>();
  private Path input;
  private Path output;

  private static TensorData floats(long seed, long... shape) {
    return TensorData.of(Configs.weights((int) TensorData.elements(shape), seed), shape);
  }

  @BeforeEach
  void writeInput() throws IOException {
    input = folder.resolve("in.safetensors");
    output = folder.resolve("out.safetensors");
    tensors.put("model.embed_tokens.weight", floats(1, 10, 12));
    tensors.put("model.layers.0.up.weight", floats(2, 6, 16));
    tensors.put("model.layers.0.up.bias", floats(3, 6));
    tensors.put("model.layers.0.input_layernorm.weight", floats(4, 1, 16));
    tensors.put("transformer.h.0.ln_1.weight", floats(5, 1, 16));
    tensors.put("conv.weight", bf16(floats(6, 4, 2, 2, 2)));
    tensors.put("table", floats(7, 2, 8));
    tensors.put("ids.weight", ints(2, 3));
    tensors.put("empty.weight", floats(8, 0, 8));
    write();
  }

  private void write() throws IOException {
    SafetensorsWriter.write(input, new NamedTensors(tensors, Map.of("format", "pt")));
  }

  private static TensorData bf16(TensorData tensor) {
    float[] values = tensor.toFloats();
    short[] bits = new short[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = SmallFloat.toBf16(values[i]);
    }
    return new TensorData(DType.BF16, tensor.shape(), MemorySegment.ofArray(bits));
  }

  private static TensorData ints(long... shape) {
    int[] values = new int[(int) TensorData.elements(shape)];
    return new TensorData(DType.I32, shape, MemorySegment.ofArray(values));
  }

  private Report quantize(Options options) throws IOException {
    return SafetensorsQuantizer.quantize(input, output, options, (_, _, _) -> {});
  }

  private String refused(Options options) {
    Exception e = assertThrows(IllegalArgumentException.class, () -> quantize(options));
    assertFalse(Files.exists(output));
    assertEquals(1, folder.toFile().list().length, "nothing but the input is left");
    return String.valueOf(e.getMessage()).replace(folder + "/", "");
  }

  private QuantizedTensor expected(String name, QuantConfig config) {
    TensorData tensor = tensors.get(name);
    return QuantizedTensor.quantize(
        config, MemorySegment.ofArray(tensor.toFloats()), tensor.shape());
  }

  @Test
  void weightsAreQuantizedAndTheRestIsCopied() throws IOException {
    Report report = quantize(OPTIONS);
    Map<String, QuantConfig> configs = new LinkedHashMap<>();
    configs.put("model.embed_tokens.weight", FOUR_BITS);
    configs.put("model.layers.0.up.weight", TWO_BITS);
    configs.put("conv.weight", TWO_BITS);
    try (ParqFile file = ParqFile.open(output)) {
      assertEquals(configs.keySet(), file.quantizedNames());
      for (Map.Entry<String, QuantConfig> entry : configs.entrySet()) {
        QuantizedTensor found = file.quantized(entry.getKey());
        QuantizedTensor expected = expected(entry.getKey(), entry.getValue());
        assertEquals(entry.getValue(), found.lattice().config());
        assertArrayEquals(expected.dequantize(), found.dequantize());
      }
      for (String name : file.otherNames()) {
        assertEquals(tensors.get(name).toString(), file.other(name).toString());
        assertEquals(-1, tensors.get(name).data().mismatch(file.other(name).data()));
      }
      assertEquals(tensors.size() - 3, file.otherNames().size());
      assertEquals(Map.of("format", "pt"), file.metadata());
    }
    assertEquals(6, report.copied());
    assertEquals(size(input), report.bytesBefore());
    assertEquals(size(output), report.bytesAfter());
    SafetensorsQuantizer.Quantized conv = report.quantized().get(2);
    assertEquals("conv.weight", conv.name());
    assertEquals(List.of(4L, 2L, 2L, 2L), conv.shape());
    assertEquals(64, conv.bytesBefore());
    assertEquals(4 * 2 + 4 * 2, conv.bytesAfter());
    assertEquals(rms("conv.weight", TWO_BITS), conv.rmsError(), 1e-9);
  }

  private static long size(Path file) throws IOException {
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      return reader.tensors().stream().mapToLong(TensorInfo::byteSize).sum();
    }
  }

  private double rms(String name, QuantConfig config) {
    float[] weights = tensors.get(name).toFloats();
    float[] levels = expected(name, config).dequantize();
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += Math.pow((double) weights[i] - levels[i], 2);
    }
    return Math.sqrt(sum / weights.length);
  }

  @Test
  void dequantizedValuesHaveTheOriginalNames() throws IOException {
    Report report = quantize(new Options(TWO_BITS, FOUR_BITS, null, true, false));
    NamedTensors read = SafetensorsReader.read(output);
    assertEquals(List.copyOf(tensors.keySet()), List.copyOf(read.tensors().keySet()));
    assertEquals(Map.of("format", "pt"), read.values());
    assertEquals("F32[4, 2, 2, 2]", read.tensors().get("conv.weight").toString());
    assertArrayEquals(
        expected("conv.weight", TWO_BITS).dequantize(),
        read.tensors().get("conv.weight").toFloats());
    assertEquals(size(output), report.bytesAfter());
    assertEquals(4 * 32, report.quantized().get(2).bytesAfter());
  }

  @Test
  void aPatternSelectsByNameAlone() throws IOException {
    quantize(new Options(TWO_BITS, null, "t?b*", false, false));
    try (ParqFile file = ParqFile.open(output)) {
      assertEquals(Set.of("table"), file.quantizedNames());
    }
    quantize(new Options(TWO_BITS, null, "*norm*", false, true));
    try (ParqFile file = ParqFile.open(output)) {
      assertEquals(Set.of("model.layers.0.input_layernorm.weight"), file.quantizedNames());
    }
    Files.delete(output);
    assertEquals(
        "in.safetensors: none of 9 tensors is selected, expected one of floats, of rank 2 or more,"
            + " named model.layers.0.up.bias",
        refused(new Options(TWO_BITS, null, "model.layers.0.up.bias", false, false)));
    refused(new Options(TWO_BITS, null, "modelXlayers*", false, false));
  }

  @Test
  void embeddingsWithoutAConfigurationOfTheirOwnAreWeights() {
    assertEquals(
        "model.embed_tokens.weight: 12 columns are not divisible by group size 8",
        refused(new Options(TWO_BITS, null, null, false, false)));
  }

  @Test
  void shapesAreCheckedBeforeAnythingIsWritten() throws IOException {
    tensors.put("layers.1.mlp.up.weight", floats(1, 3, 100));
    tensors.put("model.layers.0.up.weight", TensorData.of(nan(), 6, 16));
    write();
    List<String> seen = new ArrayList<>();
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                SafetensorsQuantizer.quantize(
                    input, output, OPTIONS, (_, _, name) -> seen.add(name)));
    assertEquals(
        "layers.1.mlp.up.weight: 100 columns are not divisible by group size 8", e.getMessage());
    assertEquals(List.of(), seen);
    assertFalse(Files.exists(output));
    tensors.remove("layers.1.mlp.up.weight");
    tensors.put("deep.weight", floats(1, 1, 1, 1, 1, 8));
    write();
    assertEquals("deep.weight: rank 5, expected 1 to 4", refused(OPTIONS));
  }

  private static float[] nan() {
    float[] weights = Configs.weights(96, 2);
    weights[77] = Float.NaN;
    return weights;
  }

  @Test
  void aWeightThatIsNotFiniteIsNamedAndNothingIsLeft() throws IOException {
    tensors.put("model.layers.0.up.weight", TensorData.of(nan(), 6, 16));
    write();
    assertEquals(
        "model.layers.0.up.weight: value at index 77 is NaN, expected finite", refused(OPTIONS));
  }

  @Test
  void filesAreNotOverwrittenUnlessForced() throws IOException {
    Files.writeString(output, "before");
    FileAlreadyExistsException e =
        assertThrows(FileAlreadyExistsException.class, () -> quantize(OPTIONS));
    assertTrue(e.getMessage().startsWith(output.toString()), e.getMessage());
    assertEquals("before", Files.readString(output));
    quantize(new Options(TWO_BITS, FOUR_BITS, null, false, true));
    ParqFile.open(output).close();
  }

  @Test
  void theInputIsNeverTheOutput() throws IOException {
    byte[] before = Files.readAllBytes(input);
    Path link = Files.createSymbolicLink(folder.resolve("link"), input);
    Options forced = new Options(TWO_BITS, FOUR_BITS, null, false, true);
    for (Path same : List.of(input, link, folder.resolve("./in.safetensors"))) {
      assertThrows(
          IllegalArgumentException.class,
          () -> SafetensorsQuantizer.quantize(input, same, forced, (_, _, _) -> {}));
    }
    assertArrayEquals(before, Files.readAllBytes(input));
  }

  @Test
  void aPackedFileIsNotQuantizedAgain() throws IOException {
    quantize(OPTIONS);
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                SafetensorsQuantizer.quantize(
                    output, folder.resolve("again"), OPTIONS, (_, _, _) -> {}));
    assertEquals(output + " is packed already, expected weights", e.getMessage());
  }

  @Test
  void progressGoesFromNothingToAll() throws IOException {
    List<String> seen = new ArrayList<>();
    SafetensorsQuantizer.quantize(
        input, output, OPTIONS, (done, total, name) -> seen.add(done + "/" + total + " " + name));
    assertEquals(tensors.size() + 1, seen.size());
    assertEquals("0/1168 model.embed_tokens.weight", seen.getFirst());
    assertEquals("480/1168 model.layers.0.up.weight", seen.get(1));
    assertEquals("1168/1168 ", seen.getLast());
  }

  @Test
  void aFileIsInspectedPackedOrNot() throws IOException {
    Inspection before = Inspection.of(input);
    assertFalse(before.packed());
    assertEquals(List.of(input), before.files());
    assertEquals(size(input), before.bytes());
    assertEquals(size(input) + 64, before.fp32Bytes());
    assertEquals("BF16", before.tensors().get(5).dtype());
    assertEquals(16, before.tensors().get(5).bitsPerWeight());
    assertNull(before.tensors().get(5).quantization());
    quantize(OPTIONS);
    Inspection after = Inspection.of(output);
    assertTrue(after.packed());
    assertEquals(Map.of("format", "pt"), after.metadata());
    assertEquals(9, after.tensors().size());
    assertEquals(size(output), after.bytes());
    assertEquals(before.fp32Bytes(), after.fp32Bytes());
    Inspection.Tensor up = after.tensors().get(1);
    assertEquals("model.layers.0.up.weight", up.name());
    assertEquals("packed", up.dtype());
    assertEquals(6 * 4 + 12 * 2, up.bytes());
    assertEquals(4.0, up.bitsPerWeight());
    Inspection.Quantization lattice = up.quantization();
    assertEquals(TWO_BITS, lattice.config());
    assertEquals(96, lattice.histogram().stream().mapToLong(n -> n).sum());
    assertEquals(4, lattice.histogram().size());
    assertTrue(0 < lattice.minScale() && lattice.minScale() < lattice.maxScale());
    assertEquals(0, after.tensors().getLast().bitsPerWeight());
  }

  @Test
  void shardedInputIsRead() throws IOException {
    List<TensorInfo> infos = new ArrayList<>();
    tensors.forEach((name, tensor) -> infos.add(TensorInfo.of(name, tensor)));
    Path sharded = Files.createDirectory(folder.resolve("sharded"));
    try (SafetensorsWriter writer =
        SafetensorsWriter.openSharded(sharded, infos, Map.of("format", "pt"), 200)) {
      for (TensorInfo info : infos) {
        writer.put(info.name(), tensors.get(info.name()).data());
      }
      writer.commit();
    }
    quantize(OPTIONS);
    byte[] single = Files.readAllBytes(output);
    Path other = folder.resolve("other.safetensors");
    SafetensorsQuantizer.quantize(sharded, other, OPTIONS, (_, _, _) -> {});
    assertArrayEquals(single, Files.readAllBytes(other));
    Path shard = sharded.resolve("model.safetensors.index.json");
    assertThrows(
        IllegalArgumentException.class,
        () ->
            SafetensorsQuantizer.quantize(
                sharded,
                shard,
                new Options(TWO_BITS, FOUR_BITS, null, false, true),
                (_, _, _) -> {}));
  }
}

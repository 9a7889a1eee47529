package io.parq.export.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.parq.export.Difference;
import io.parq.export.FolderSource;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.PackedSource;
import io.parq.export.SourceReader;
import io.parq.export.TestModels;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.export.torchao.TorchaoWriter;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models written as folders and files, and opened again. */
class FormatsTest {
  private static final QuantConfig LINEAR = QuantConfig.parse("stretched:3 group:8 bf16");
  private static final QuantConfig EMBEDDING = QuantConfig.parse("symmetric:4 per-row fp32");

  @TempDir private Path folder = Path.of("");
  private Path input = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void writeModel() throws IOException {
    input = TestModels.write(folder.resolve("in"), 5);
    out = folder.resolve("out");
  }

  private ModelSource quantizing() throws IOException {
    return FolderSource.quantizing(input, LINEAR, EMBEDDING, null);
  }

  private void write(String target, WriteOptions options) throws IOException {
    try (ModelSource source = quantizing()) {
      Formats.writer(target, options).write(source, out, ModelWriter.Progress.NONE);
    }
  }

  private Difference difference() throws IOException {
    try (ModelReader expected = new SourceReader(quantizing());
        ModelReader found = Formats.open(out)) {
      return Difference.first(expected, found, ModelWriter.Progress.NONE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"torchao", "safetensors", "parq"})
  void modelsAreWrittenWholeAndOnlyOnce(String target) throws IOException {
    write(target, WriteOptions.DEFAULT);
    assertNull(difference());
    assertThrows(FileAlreadyExistsException.class, () -> write(target, WriteOptions.DEFAULT));
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(Set.of(input, out), Set.copyOf(left.toList()));
    }
    assertEquals(target, Formats.target(target).name());
  }

  @Test
  void progressCountsWritingAndReadingBack() throws IOException {
    List<Long> totals = new ArrayList<>();
    List<Long> done = new ArrayList<>();
    try (ModelSource source = quantizing()) {
      Formats.writer("torchao", WriteOptions.DEFAULT)
          .write(
              source,
              out,
              (bytes, total, _) -> {
                done.add(bytes);
                totals.add(total);
              });
    }
    assertEquals(1, Set.copyOf(totals).size());
    assertEquals(done.stream().sorted().toList(), done);
    assertEquals(0, done.getFirst());
    assertEquals(totals.getFirst(), done.getLast());
  }

  @Test
  void torchaoFoldersAreLaidOutAsTransformersReadsThem() throws IOException {
    write(
        "torchao",
        WriteOptions.DEFAULT.withActivations(ActivationQuantization.INT8_ASYM_PER_TOKEN));
    JsonNode config = new JsonMapper().readTree(out.resolve("config.json").toFile());
    assertEquals("torchao", config.path("quantization_config").path("quant_method").asText());
    assertEquals("float32", config.path("dtype").asText());
    assertEquals("float32", config.path("torch_dtype").asText());
    assertTrue(Files.exists(out.resolve("tokenizer.json")));
    assertFalse(Files.exists(out.resolve("README.md")));
    try (SafetensorsReader reader = SafetensorsReader.open(out);
        ModelSource source = quantizing()) {
      List<String> stored = reader.tensors().stream().map(TensorInfo::toString).toList();
      assertEquals(
          List.of(
              "model.embed_tokens._weight_qdata I8[24, 32]",
              "model.embed_tokens._weight_scale F32[24, 1]",
              "model.embed_tokens._weight_zero_point I8[24, 1]",
              "model.layers.0.mlp.up_proj._weight_qdata I8[12, 32]",
              "model.layers.0.mlp.up_proj._weight_scale F32[12, 4]",
              "model.layers.0.mlp.up_proj._weight_zero_point F32[12, 4]",
              "model.norm.weight BF16[32]"),
          stored);
      JsonNode up = new JsonMapper().readTree(reader.metadata().get(TestModels.UP));
      assertEquals("int3", up.at("/_data/target_dtype/_data").asText());
      assertEquals("[1,8]", up.at("/_data/block_size").toString());
      assertEquals("int8_asym_per_token", up.at("/_data/activation_quantization").asText());
      JsonNode embedding = new JsonMapper().readTree(reader.metadata().get(TestModels.EMBEDDING));
      assertTrue(embedding.at("/_data/activation_quantization").isNull());
      QuantizedTensor trained = source.quantized(TestModels.UP);
      assertEquals(
          -1, trained.codes().mismatch(reader.bytes("model.layers.0.mlp.up_proj._weight_qdata")));
      assertEquals(
          -0.5f, reader.tensor("model.layers.0.mlp.up_proj._weight_zero_point").toFloats()[3]);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"torchao", "safetensors"})
  void weightsAreShardedAboveTheGivenSize(String target) throws IOException {
    write(target, WriteOptions.DEFAULT.withMaxShardBytes(500));
    assertTrue(Files.exists(out.resolve("model.safetensors.index.json")));
    assertNull(difference());
  }

  @Test
  void aChangedByteIsFoundAndNamed() throws IOException {
    write("torchao", WriteOptions.DEFAULT);
    Path file = out.resolve("model.safetensors");
    String part = "model.layers.0.mlp.up_proj._weight_qdata";
    long position;
    try (SafetensorsReader reader = SafetensorsReader.open(out)) {
      byte[] codes = reader.bytes(part).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
      byte[] all = Files.readAllBytes(file);
      position = indexOf(all, codes) + 5L * 32 + 7;
    }
    flip(file, position);
    Difference difference = difference();
    assertNotNull(difference);
    assertEquals(TestModels.UP, difference.tensor());
    assertEquals(5, difference.row());
    assertEquals(7, difference.column());
    try (ModelSource source = quantizing();
        ModelReader found = Formats.open(out)) {
      float expected = source.quantized(TestModels.UP).dequantize()[5 * 32 + 7];
      float[] row = new float[32];
      found.read(TestModels.UP, 5, 1, java.lang.foreign.MemorySegment.ofArray(row));
      assertEquals(Float.toString(expected), difference.expected());
      assertEquals(Float.toString(row[7]), difference.found());
      assertTrue(
          difference.toString().startsWith(TestModels.UP + ", row 5, column 7: found"),
          difference.toString());
    }
  }

  private static int indexOf(byte[] all, byte[] part) {
    for (int i = 0; i + part.length <= all.length; i++) {
      if (java.util.Arrays.equals(all, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    throw new AssertionError("not found");
  }

  private static void flip(Path file, long position) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, position);
      one.put(0, (byte) (one.get(0) ^ 1)).rewind();
      channel.write(one, position);
    }
  }

  @Test
  void bfloat16IsRefusedWhereItIsNotExact() throws IOException {
    WriteOptions narrow = WriteOptions.DEFAULT.withDtype(DType.BF16);
    Exception e = assertThrows(IllegalArgumentException.class, () -> write("safetensors", narrow));
    assertTrue(e.getMessage().contains(TestModels.UP), e.getMessage());
    assertTrue(e.getMessage().contains(TestModels.EMBEDDING), e.getMessage());
    QuantConfig ternary = QuantConfig.parse("ternary per-row bf16");
    try (ModelSource source = FolderSource.quantizing(input, ternary, null, null)) {
      Formats.writer("safetensors", narrow).write(source, out, ModelWriter.Progress.NONE);
    }
    try (SafetensorsReader reader = SafetensorsReader.open(out)) {
      assertTrue(reader.tensors().stream().allMatch(tensor -> tensor.dtype() == DType.BF16));
    }
  }

  @Test
  void tiedHeadsAreComparedWithTheEmbedding() throws IOException {
    try (ModelReader whole = Formats.open(input);
        ModelReader tied = new SourceReader(FolderSource.open(input))) {
      assertEquals(4, whole.tensors().size());
      assertEquals(3, tied.tensors().size());
      assertNull(Difference.first(whole, tied, ModelWriter.Progress.NONE));
      assertNull(Difference.first(tied, whole, ModelWriter.Progress.NONE));
    }
  }

  @Test
  void missingTensorsAndOtherShapesAreDifferences() throws IOException {
    write("safetensors", WriteOptions.DEFAULT);
    Path smaller =
        TestModels.write(
            folder.resolve("smaller"),
            java.util.Map.of(TestModels.NORM, TensorData.of(new float[16], 16)));
    try (ModelReader a = Formats.open(out);
        ModelReader b = Formats.open(smaller)) {
      assertEquals(
          TestModels.EMBEDDING + ": found no such tensor, expected [24, 32]",
          String.valueOf(Difference.first(a, b, ModelWriter.Progress.NONE)));
      assertEquals(
          TestModels.NORM + ": found [32], expected [16]",
          String.valueOf(Difference.first(b, a, ModelWriter.Progress.NONE)));
    }
  }

  @Test
  void packedModelsAreSourcesAgain() throws IOException {
    Path run = Files.createDirectories(folder.resolve("run"));
    out = run.resolve(PackedSource.FILE);
    write("parq", WriteOptions.DEFAULT);
    assertThrows(IllegalStateException.class, () -> openAndAskForFolder(run));
    Files.move(input, run.resolve("model"));
    input = run.resolve("model");
    for (Path path : List.of(run, run.resolve("model"), out)) {
      try (ModelSource source = Formats.source(path)) {
        assertEquals(run.resolve("model").toAbsolutePath(), source.folder());
        assertEquals(LINEAR, source.config(TestModels.UP));
        Path again = folder.resolve("again-" + path.getFileName());
        Formats.writer("torchao", WriteOptions.DEFAULT)
            .write(source, again, ModelWriter.Progress.NONE);
        try (ModelReader expected = new SourceReader(quantizing());
            ModelReader found = Formats.open(again)) {
          assertNull(Difference.first(expected, found, ModelWriter.Progress.NONE));
        }
      }
    }
  }

  private static void openAndAskForFolder(Path run) throws IOException {
    try (ModelSource source = Formats.source(run)) {
      source.folder();
    }
  }

  @Test
  void quantizedEmbeddingsOfGemmaAreRefusedForTorchao() throws IOException {
    Files.writeString(input.resolve("config.json"), "{\"model_type\": \"gemma3_text\"}");
    Exception e =
        assertThrows(IllegalArgumentException.class, () -> write("torchao", WriteOptions.DEFAULT));
    assertTrue(e.getMessage().startsWith(TestModels.EMBEDDING), e.getMessage());
    assertTrue(e.getMessage().endsWith(TorchaoWriter.GEMMA3_EMBEDDING), e.getMessage());
    assertFalse(Files.exists(out));
  }

  @Test
  void unknownTargetsAreExplained() {
    Exception e = assertThrows(IllegalArgumentException.class, () -> Formats.target("tflite"));
    assertTrue(e.getMessage().startsWith("target 'tflite', expected one of"), e.getMessage());
    WriteOptions options =
        WriteOptions.DEFAULT.withActivations(ActivationQuantization.FP8_E4M3_PER_ROW);
    assertThrows(IllegalArgumentException.class, () -> Formats.writer("torchao", options));
  }
}

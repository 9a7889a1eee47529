package io.parq.export.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.parq.export.Configs;
import io.parq.export.MemoryModel;
import io.parq.export.ModelReader.Stored;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files by other writers, and damaged ones. */
class OnnxReaderTest {
  private static final long SEED = 20261122;

  @TempDir Path folder;
  private Path written;

  @BeforeEach
  void write() throws IOException {
    written = folder.resolve("written");
    float[] weights = Configs.weights(24 * 64, 1);
    MemoryModel model =
        new MemoryModel()
            .with(
                "w.weight",
                QuantizedTensor.quantize(
                    QuantConfig.parse("asymmetric:4 group:16 fp32"),
                    MemorySegment.ofArray(weights),
                    24,
                    64))
            .with("w.bias", TensorData.of(Configs.weights(24, 2), 24));
    new OnnxWriter(new OnnxTarget()).writeLinear(model, "w.weight", written);
  }

  private static TensorProto tensor(String name, DataType type, byte[] bytes, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(type.getNumber())
            .setRawData(ByteString.copyFrom(bytes));
    for (long dimension : shape) {
      tensor.addDims(dimension);
    }
    return tensor.build();
  }

  private static TensorProto floats(String name, float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return tensor(name, DataType.FLOAT, bytes.array(), values.length);
  }

  private Path save(GraphBuilder graph) throws IOException {
    Path file = folder.resolve("other.onnx");
    Files.write(file, graph.model().toByteArray());
    return file;
  }

  private static float[] read(OnnxReader reader, String name) throws IOException {
    for (Stored stored : reader.tensors()) {
      if (stored.name().equals(name)) {
        int rows = stored.shape().size() < 2 ? 1 : stored.shape().getFirst().intValue();
        long elements = stored.shape().stream().reduce(1L, Math::multiplyExact);
        float[] values = new float[(int) elements];
        reader.read(name, 0, rows, MemorySegment.ofArray(values));
        return values;
      }
    }
    throw new AssertionError("no " + name);
  }

  /** Codes -8 to 7, the first in the low nibble, with scales by column, by row and for all. */
  @Test
  void dequantizeLinearOfOthers() throws IOException {
    byte[] nibbles = {(byte) 0x81, (byte) 0x7f, 0x20};
    for (long axis : new long[] {0, 1}) {
      GraphBuilder graph = new GraphBuilder("other");
      graph.initializer(tensor("q", DataType.INT4, nibbles, 2, 3));
      graph.initializer(axis == 0 ? floats("s", 1f, 10f) : floats("s", 1f, 10f, 100f));
      graph.add("DequantizeLinear", List.of("q", "s"), GraphBuilder.attribute("axis", axis));
      float[] expected =
          axis == 0 ? new float[] {1, -8, -1, 70, 0, 20} : new float[] {1, -80, -100, 7, 0, 200};
      try (OnnxReader reader = OnnxReader.open(save(graph))) {
        assertEquals(
            List.of(new Stored("q", "DequantizeLinear INT4", List.of(2L, 3L), axis == 0 ? 11 : 15)),
            reader.tensors());
        assertArrayEquals(expected, read(reader, "q"));
      }
    }
  }

  /** Blocks along rows, with zero points, unsigned. */
  @Test
  void dequantizeLinearByBlocksOfRows() throws IOException {
    GraphBuilder graph = new GraphBuilder("other");
    graph.initializer(tensor("q", DataType.UINT8, new byte[] {1, 2, 3, 4, 5, (byte) 255}, 3, 2));
    graph.initializer(tensor("s", DataType.FLOAT, floatsOf(1f, 2f, 3f, 4f), 2, 2));
    graph.initializer(tensor("z", DataType.UINT8, new byte[] {1, 2, 3, 4}, 2, 2));
    graph.add(
        "DequantizeLinear",
        List.of("q", "s", "z"),
        GraphBuilder.attribute("axis", 0),
        GraphBuilder.attribute("block_size", 2));
    try (OnnxReader reader = OnnxReader.open(save(graph))) {
      assertArrayEquals(new float[] {0, 0, 2, 4, 6, 1004}, read(reader, "q"));
    }
  }

  private static byte[] floatsOf(float... values) {
    return floats("", values).getRawData().toByteArray();
  }

  /** Half-precision scales, float zero points, a last block that is not full. */
  @Test
  void matMulNBitsOfOthers() throws IOException {
    GraphBuilder graph = new GraphBuilder("other");
    byte[] codes = new byte[2 * 16];
    codes[0] = (byte) 0xf0;
    codes[8] = 0x0c; // column 16
    codes[16] = 0x05;
    graph.initializer(tensor("w_Q4G16", DataType.UINT8, codes, 1, 2, 16));
    ByteBuffer halves = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    halves.putShort(Float.floatToFloat16(0.5f)).putShort(Float.floatToFloat16(2f));
    graph.initializer(tensor("w_scales", DataType.FLOAT16, halves.array(), 2));
    graph.initializer(floats("w_zero_points", 7.5f, 8f));
    graph.initializer(tensor("unused", DataType.INT64, new byte[8], 1));
    graph.addMicrosoft(
        "MatMulNBits",
        List.of("x", "w_Q4G16", "w_scales", "w_zero_points"),
        GraphBuilder.attribute("N", 1),
        GraphBuilder.attribute("K", 18),
        GraphBuilder.attribute("bits", 8),
        GraphBuilder.attribute("block_size", 16));
    try (OnnxReader reader = OnnxReader.open(save(graph))) {
      assertEquals("w", reader.tensors().getFirst().name());
      assertEquals(1, reader.tensors().size());
      float[] values = read(reader, "w");
      assertEquals(18, values.length);
      assertEquals((0xf0 - 7.5f) * 0.5f, values[0]);
      assertEquals((0x0c - 7.5f) * 0.5f, values[8]);
      assertEquals((5 - 8f) * 2, values[16]);
      assertEquals(-16f, values[17]);
    }
  }

  /** Small types that a file may spell as lists of numbers. */
  @Test
  void typedDataAndHalves() throws IOException {
    GraphBuilder graph = new GraphBuilder("other");
    graph.initializer(
        TensorProto.newBuilder()
            .setName("f")
            .setDataType(DataType.FLOAT_VALUE)
            .addDims(2)
            .addFloatData(1.5f)
            .addFloatData(-2f)
            .build());
    graph.initializer(
        TensorProto.newBuilder()
            .setName("b")
            .setDataType(DataType.BFLOAT16_VALUE)
            .addDims(1)
            .addInt32Data(0x3fc0)
            .build());
    graph.add("Identity", List.of("f"));
    try (OnnxReader reader = OnnxReader.open(save(graph))) {
      assertArrayEquals(new float[] {1.5f, -2}, read(reader, "f"));
      assertArrayEquals(new float[] {1.5f}, read(reader, "b"));
      assertEquals(DType.BF16.name(), reader.tensors().get(1).encoding());
    }
  }

  @Test
  void folderWithoutOneGraphIsRefused() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    IOException e = assertThrows(IOException.class, () -> OnnxReader.open(empty));
    assertEquals(empty + ": 0 .onnx files, expected one", e.getMessage());
    assertThrows(NoSuchFileException.class, () -> OnnxReader.open(folder.resolve("none.onnx")));
    Path text = Files.writeString(folder.resolve("text.onnx"), "no protobuf");
    e = assertThrows(IOException.class, () -> OnnxReader.open(text));
    assertTrue(e.getMessage().startsWith(text + ": no ONNX model"), e.getMessage());
  }

  @Test
  void unknownTensorsAndRowsAreErrors() throws IOException {
    try (OnnxReader reader = OnnxReader.open(written)) {
      MemorySegment out = MemorySegment.ofArray(new float[64]);
      IOException e = assertThrows(IOException.class, () -> reader.read("v", 0, 1, out));
      assertTrue(e.getMessage().endsWith("v: not found, expected one of 2 tensors"));
      assertThrows(IndexOutOfBoundsException.class, () -> reader.read("w.weight", 24, 1, out));
    }
  }

  private void assertBad(String message, Consumer<ModelProto.Builder> change) throws IOException {
    ModelProto.Builder model =
        ModelProto.parseFrom(Files.readAllBytes(written.resolve(OnnxWriter.GRAPH))).toBuilder();
    change.accept(model);
    Path file = written.resolve("bad.onnx");
    Files.write(file, model.build().toByteArray());
    IOException e = assertThrows(IOException.class, () -> OnnxReader.open(file).close());
    assertTrue(
        e.getMessage().startsWith(file + ": ") && e.getMessage().contains(message), e.getMessage());
  }

  private static NodeProto.Builder matMul(ModelProto.Builder model) {
    return model.getGraphBuilder().getNodeBuilderList().stream()
        .filter(node -> node.getOpType().equals("MatMulNBits"))
        .findFirst()
        .orElseThrow();
  }

  private static void set(ModelProto.Builder model, String attribute, long value) {
    matMul(model).getAttributeBuilderList().stream()
        .filter(a -> a.getName().equals(attribute))
        .forEach(a -> a.setI(value));
  }

  @Test
  void sizesAreChecked() throws IOException {
    assertBad("bits 3, expected 2, 4 or 8", model -> set(model, "bits", 3));
    assertBad("24 rows of 64 integers of 8 bits", model -> set(model, "bits", 8));
    assertBad("block_size 0, expected at least 1", model -> set(model, "block_size", 0));
    assertBad("expected 24", model -> set(model, "block_size", 64));
    assertBad("K -1, expected at least 1", model -> set(model, "K", -1));
    assertBad("long overflow", model -> set(model, "N", Long.MAX_VALUE / 2));
    assertBad("g_idx", model -> matMul(model).addInput("w.weight_scales"));
    for (String bad : List.of("../x", "/etc/passwd", "", "a/../../x")) {
      assertBad(
          "data in '%s', expected a file beside the graph".formatted(bad),
          model -> entry(model, 0, bad));
    }
    assertBad("offset '-5', expected a number", model -> entry(model, 1, "-5"));
    assertBad("which has ", model -> entry(model, 1, "99999999"));
    assertBad(
        "bytes, expected",
        model -> model.getGraphBuilder().getInitializerBuilder(0).setDims(0, 1 << 20));
    assertBad(
        "negative dimension",
        model -> model.getGraphBuilder().getInitializerBuilder(0).setDims(0, -1));
    assertBad(
        "is there twice",
        model -> model.getGraphBuilder().addInitializer(model.getGraph().getInitializer(0)));
  }

  private static void entry(ModelProto.Builder model, int index, String value) {
    model.getGraphBuilder().getInitializerBuilder(0).getExternalDataBuilder(index).setValue(value);
  }

  /** Whatever is damaged, an error is an IOException; what is read has the declared size. */
  @Test
  void damagedFilesGiveClearErrors() throws IOException {
    byte[] graph = Files.readAllBytes(written.resolve(OnnxWriter.GRAPH));
    byte[] data = Files.readAllBytes(written.resolve("model.onnx.data"));
    Path damaged = Files.createDirectory(folder.resolve("damaged"));
    Random random = new Random(SEED);
    int failed = 0;
    for (int i = 0; i < 1500; i++) {
      Files.write(damaged.resolve(OnnxWriter.GRAPH), damage(graph, random, i % 3 != 0));
      Files.write(damaged.resolve("model.onnx.data"), damage(data, random, i % 3 == 0));
      try (OnnxReader reader = OnnxReader.open(damaged)) {
        for (Stored stored : reader.tensors()) {
          read(reader, stored.name());
        }
      } catch (IOException e) {
        failed++;
        assertTrue(
            e.getMessage() != null && e.getMessage().contains("model.onnx"),
            () -> "seed " + SEED + ": " + e);
      }
    }
    assertTrue(failed > 250, failed + " of 1500 damaged files failed, seed " + SEED);
  }

  private static byte[] damage(byte[] bytes, Random random, boolean really) {
    if (!really) {
      return bytes;
    }
    if (random.nextInt(4) == 0) {
      return java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
    }
    byte[] copy = bytes.clone();
    for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
      copy[random.nextInt(copy.length)] = (byte) random.nextInt(256);
    }
    return copy;
  }

  @Test
  void movedFolderIsStillRead() throws IOException {
    Path moved = folder.resolve("moved");
    Files.move(written, moved, StandardCopyOption.ATOMIC_MOVE);
    try (OnnxReader reader = OnnxReader.open(moved.resolve(OnnxWriter.GRAPH))) {
      assertEquals(2, reader.tensors().size());
    }
  }
}

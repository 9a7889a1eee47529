package io.parq.export.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Random blocks and a file, decoded by the gguf package of llama.cpp; see reference/README.md. */
class GoldenBlocksTest {

  @TestFactory
  Stream<DynamicTest> blocksDecodeAsTheReferenceDecodesThem() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : golden().path("cases")) {
      String name = node.path("encoding").asText();
      byte[] bytes = Base64.getDecoder().decode(node.path("bytes").asText());
      float[] expected = floats(Base64.getDecoder().decode(node.path("values").asText()));
      tests.add(DynamicTest.dynamicTest(name, () -> check(name, bytes, expected)));
    }
    assertEquals(16, tests.size());
    return tests.stream();
  }

  private static void check(String name, byte[] bytes, float[] expected) {
    Encoding encoding = Encoding.valueOf(name);
    int blocks = bytes.length / encoding.bytes();
    float[] found = new float[blocks * encoding.elements()];
    assertEquals(expected.length, found.length);
    Objects.requireNonNull(encoding.decoder()).decode(bytes, 0, blocks, found, 0);
    for (int i = 0; i < found.length; i++) {
      if (found[i] != expected[i] && !(Float.isNaN(found[i]) && Float.isNaN(expected[i]))) {
        throw new AssertionError(
            "%s element %d: %s, expected %s".formatted(name, i, found[i], expected[i]));
      }
    }
  }

  /** Codes and scales stand for the values, within a rounding of offsets. */
  @TestFactory
  Stream<DynamicTest> codesStandForTheValues() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : golden().path("cases")) {
      Encoding encoding = Encoding.valueOf(node.path("encoding").asText());
      byte[] bytes = Base64.getDecoder().decode(node.path("bytes").asText());
      float[] expected = floats(Base64.getDecoder().decode(node.path("values").asText()));
      Encoding.Coding coding = encoding.coding();
      if (coding != null) {
        tests.add(
            DynamicTest.dynamicTest(
                encoding.name(), () -> checkCodes(encoding, coding, bytes, expected)));
      }
    }
    assertEquals(15, tests.size());
    return tests.stream();
  }

  private static void checkCodes(
      Encoding encoding, Encoding.Coding coding, byte[] bytes, float[] expected) {
    int elements = encoding.elements();
    int finite = 0;
    for (int block = 0; block < bytes.length / encoding.bytes(); block++) {
      Header.Entry entry = new Header.Entry("block", List.of(1L, (long) elements), encoding, 0);
      MemorySegment data =
          MemorySegment.ofArray(bytes).asSlice((long) block * encoding.bytes(), encoding.bytes());
      CodeReader reader = new CodeReader(entry, coding, data, RowOrder.SAME, 1);
      float[] own = Arrays.copyOfRange(expected, block * elements, (block + 1) * elements);
      float largest = 0;
      for (float value : own) {
        largest = Float.isFinite(value) ? Math.max(largest, Math.abs(value)) : Float.NaN;
      }
      if (Float.isNaN(largest)) {
        assertThrows(IllegalArgumentException.class, reader::read);
      } else {
        finite++;
        float tolerance = coding.hasOffset() ? 4 * Math.ulp(largest) : 0;
        assertArrayEquals(own, reader.read().dequantize(), tolerance);
      }
    }
    assertTrue(finite > 0);
  }

  @Test
  void otherPeoplesFile() throws IOException, URISyntaxException {
    Path file = Path.of(GoldenBlocksTest.class.getResource("/golden/other.gguf").toURI());
    try (GgufReader reader = GgufReader.open(file)) {
      assertEquals("größer", reader.metadata().get("test.string"));
      assertEquals(200L, reader.metadata().get("test.uint8"));
      assertEquals(-3L, reader.metadata().get("test.int8"));
      assertEquals(60000L, reader.metadata().get("test.uint16"));
      assertEquals(-300L, reader.metadata().get("test.int16"));
      assertEquals(4000000000L, reader.metadata().get("test.uint32"));
      assertEquals(-70000L, reader.metadata().get("test.int32"));
      assertEquals(1L << 40, reader.metadata().get("test.uint64"));
      assertEquals(-(1L << 40), reader.metadata().get("test.int64"));
      assertEquals(0.5f, reader.metadata().get("test.float32"));
      assertEquals(0.1, reader.metadata().get("test.float64"));
      assertEquals(true, reader.metadata().get("test.bool"));
      assertEquals(List.of("a", "", "ü"), reader.metadata().get("test.texts"));
      assertEquals(List.of(1L, -2L, 3L), reader.metadata().get("test.ints"));
      assertEquals(List.of(true, false), reader.metadata().get("test.flags"));
      // Rows 0 to 7 lie in the file in this order; two heads of four elements.
      float[] order = {0, 2, 1, 3, 4, 6, 5, 7};
      assertArrayEquals(order, read(reader, "model.layers.0.self_attn.q_proj.bias", 1, 8));
      float[] weights = read(reader, "model.layers.0.self_attn.q_proj.weight", 8, 32);
      for (int row = 0; row < 8; row++) {
        assertEquals(order[row], weights[32 * row]);
      }
      assertEquals(
          List.of("Q8_0", "Q4_1", "Q5_1"),
          reader.tensors().stream()
              .filter(t -> t.name().startsWith("test."))
              .map(t -> t.encoding())
              .toList());
      read(reader, "test.Q4_1.weight", 4, 64);
    }
  }

  static float[] read(GgufReader reader, String name, int rows, int columns) throws IOException {
    float[] out = new float[rows * columns];
    reader.read(name, 0, rows, MemorySegment.ofArray(out));
    return out;
  }

  private static JsonNode golden() throws IOException {
    try (InputStream in = GoldenBlocksTest.class.getResourceAsStream("/golden/gguf.json.gz")) {
      return new ObjectMapper().readTree(new GZIPInputStream(Objects.requireNonNull(in)));
    }
  }

  private static float[] floats(byte[] bytes) {
    float[] floats = new float[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
    return floats;
  }
}

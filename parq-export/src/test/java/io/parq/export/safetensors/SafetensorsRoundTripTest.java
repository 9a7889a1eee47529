package io.parq.export.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsRoundTripTest {
  @TempDir Path folder;

  @Test
  void everythingComesBackInItsOrder() throws IOException {
    NamedTensors written = TestFiles.everything();
    Path file = folder.resolve("all.safetensors");
    SafetensorsWriter.write(file, written);
    NamedTensors read = SafetensorsReader.read(file);
    assertEquals(
        new ArrayList<>(written.tensors().keySet()), new ArrayList<>(read.tensors().keySet()));
    assertEquals(
        new ArrayList<>(written.values().entrySet()), new ArrayList<>(read.values().entrySet()));
    written
        .tensors()
        .forEach((name, tensor) -> assertTrue(TestFiles.same(tensor, read.tensors().get(name))));
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      for (TensorInfo info : reader.tensors()) {
        TensorData tensor = written.tensors().get(info.name());
        assertTrue(TestFiles.same(tensor, reader.tensor(info.name())));
        assertEquals(0, reader.bytes(info.name()).mismatch(tensor.data()) + 1);
        assertTrue(reader.bytes(info.name()).isReadOnly());
      }
      assertEquals(List.of(file), reader.files());
    }
  }

  @Test
  void theSameInputGivesTheSameBytes() throws IOException {
    SafetensorsWriter.write(folder.resolve("a"), TestFiles.everything());
    SafetensorsWriter.write(folder.resolve("b"), TestFiles.everything());
    assertEquals(-1, Files.mismatch(folder.resolve("a"), folder.resolve("b")));
  }

  @Test
  void everyTensorIsAligned() throws IOException {
    Path file = folder.resolve("all.safetensors");
    SafetensorsWriter.write(file, TestFiles.everything());
    byte[] bytes = Files.readAllBytes(file);
    Header header = HeaderParser.parse(file, MemorySegment.ofArray(bytes));
    assertEquals(0, header.dataStart() % 8);
    for (Header.Entry entry : header.entries()) {
      assertEquals(0, entry.begin() % Math.max(1, entry.info().elementBytes()), entry.toString());
    }
  }

  @Test
  void theHeaderIsExactlyThis() throws IOException {
    Path file = folder.resolve("two.safetensors");
    SafetensorsWriter.write(
        file,
        new NamedTensors(Map.of("a", TestFiles.tensor(DType.U8, 1, 2)), Map.of("format", "pt")));
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) bytes.getLong(0);
    assertEquals(
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}    ",
        new String(bytes.array(), 8, length, StandardCharsets.UTF_8));
    assertEquals(8 + length + 2, bytes.capacity());
  }

  @Test
  void nothingAtAllIsAFileToo() throws IOException {
    Path file = folder.resolve("none.safetensors");
    SafetensorsWriter.write(file, new NamedTensors(Map.of(), Map.of()));
    NamedTensors read = SafetensorsReader.read(file);
    assertTrue(read.tensors().isEmpty() && read.values().isEmpty());
  }

  @Test
  void memoryOfAnyKindIsWritten() throws IOException {
    Path file = folder.resolve("kinds.safetensors");
    float[] values = new float[700_001];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    List<TensorInfo> infos =
        List.of(
            TensorInfo.of("heap", DType.F32, values.length),
            TensorInfo.of("native", DType.F32, values.length),
            TensorInfo.of("parts", DType.F32, values.length),
            TensorInfo.of("read-only", DType.F32, values.length));
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer = SafetensorsWriter.open(file, infos, Map.of())) {
      MemorySegment heap = MemorySegment.ofArray(values);
      writer.put("native", arena.allocate(heap.byteSize()).copyFrom(heap));
      writer.put("heap", heap);
      List<MemorySegment> parts = List.of(heap.asSlice(0, 4), heap.asSlice(4, 4), heap.asSlice(8));
      writer.put("parts", new TensorData(DType.F32, new long[] {values.length}, parts));
      writer.put("read-only", heap.asReadOnly());
      writer.commit();
    }
    NamedTensors read = SafetensorsReader.read(file);
    for (TensorData tensor : read.tensors().values()) {
      assertArrayEquals(values, tensor.toFloats());
    }
  }

  @Test
  void unknownTypesAreListedAndOnlyReadingThemFails() throws IOException {
    Path file =
        TestFiles.file(
            folder,
            "future.safetensors",
            "{\"a\":{\"dtype\":\"F4\",\"shape\":[2,3],\"data_offsets\":[0,3]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5],\"extra\":[{}]}}",
            5);
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      assertEquals("[a F4[2, 3], b U8[2]]", reader.tensors().toString());
      assertNull(reader.tensors().getFirst().dtype());
      assertEquals(3, reader.bytes("a").byteSize());
      assertArrayEquals(new byte[] {3, 4}, TestFiles.content(reader.tensor("b")));
      Exception e = assertThrows(SafetensorsException.class, () -> reader.tensor("a"));
      assertTrue(
          e.getMessage()
              .startsWith(file + ": tensor 'a': element type F4, expected one of [F64, F32,"),
          e.getMessage());
      Exception absent = assertThrows(SafetensorsException.class, () -> reader.tensor("c"));
      assertEquals(
          file + ": tensor 'c': not found, expected one of 2 tensors", absent.getMessage());
      Path copy = folder.resolve("copy.safetensors");
      try (SafetensorsWriter writer =
          SafetensorsWriter.open(copy, reader.tensors(), reader.metadata())) {
        writer.put("b", reader.bytes("b"));
        writer.put("a", reader.bytes("a"));
        writer.commit();
      }
      try (SafetensorsReader copied = SafetensorsReader.open(copy)) {
        assertEquals(reader.tensors().toString(), copied.tensors().toString());
        assertEquals(-1, copied.bytes("a").mismatch(reader.bytes("a")));
      }
    }
  }

  @Test
  void viewsEndWithTheReader() throws IOException {
    Path file = folder.resolve("all.safetensors");
    SafetensorsWriter.write(file, TestFiles.everything());
    SafetensorsReader reader = SafetensorsReader.open(file);
    TensorData view = reader.tensor("x.F32");
    reader.close();
    reader.close();
    assertThrows(IllegalStateException.class, view::toFloats);
  }
}

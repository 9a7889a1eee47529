package io.parq.export.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicityTest {
  private static final List<TensorInfo> TWO =
      List.of(TensorInfo.of("a", DType.U8, 3), TensorInfo.of("b", DType.F32, 1));
  private static final MemorySegment THREE_BYTES = MemorySegment.ofArray(new byte[3]);

  @TempDir Path folder;

  private static class Broken extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private static MemorySegment produce() {
    throw new Broken();
  }

  @Test
  void aProducerThatFailsLeavesNothing() throws IOException {
    assertThrows(
        Broken.class,
        () -> {
          try (SafetensorsWriter writer =
              SafetensorsWriter.open(folder.resolve("x.safetensors"), TWO, Map.of())) {
            writer.put("a", THREE_BYTES);
            writer.put("b", produce());
            writer.commit();
          }
        });
    assertEquals(List.of(), TestFiles.names(folder));
  }

  @Test
  void aProducerThatFailsLeavesAnExistingModelAsItWas() throws IOException {
    NamedTensors before = TestFiles.everything();
    Path file = folder.resolve("x.safetensors");
    SafetensorsWriter.write(file, before);
    byte[] bytes = Files.readAllBytes(file);
    assertThrows(
        Broken.class,
        () -> {
          try (SafetensorsWriter writer = SafetensorsWriter.open(file, TWO, Map.of())) {
            writer.put("a", produce());
          }
        });
    assertEquals(List.of("x.safetensors"), TestFiles.names(folder));
    assertEquals(-1, MemorySegment.ofArray(bytes).mismatch(content(file)));
  }

  private static MemorySegment content(Path file) throws IOException {
    return MemorySegment.ofArray(Files.readAllBytes(file));
  }

  @Test
  void shardsAreAllOrNothing() throws IOException {
    try (SafetensorsWriter writer = SafetensorsWriter.openSharded(folder, TWO, Map.of(), 1)) {
      writer.put("a", THREE_BYTES);
      writer.put("b", MemorySegment.ofArray(new float[] {1}));
      assertEquals(0, TestFiles.names(folder).stream().filter(n -> !n.endsWith(".tmp")).count());
      writer.commit();
    }
    List<String> names = TestFiles.names(folder);
    assertEquals(3, names.size());
    assertThrows(
        Broken.class,
        () -> {
          try (SafetensorsWriter writer = SafetensorsWriter.openSharded(folder, TWO, Map.of(), 1)) {
            writer.put("a", produce());
          }
        });
    assertEquals(names, TestFiles.names(folder));
    assertEquals(2, SafetensorsReader.read(folder).tensors().size());
  }

  @Test
  void everyDeclaredTensorIsWrittenOnceAndInItsSize() throws IOException {
    try (SafetensorsWriter writer =
        SafetensorsWriter.open(folder.resolve("x.safetensors"), TWO, Map.of())) {
      Exception unknown =
          assertThrows(IllegalArgumentException.class, () -> writer.put("c", THREE_BYTES));
      assertEquals("c: not declared, expected one of 2 tensors", unknown.getMessage());
      Exception size =
          assertThrows(IllegalArgumentException.class, () -> writer.put("b", THREE_BYTES));
      assertEquals("b: 3 bytes, expected 4 for F32[1]", size.getMessage());
      writer.put("a", THREE_BYTES);
      Exception again =
          assertThrows(IllegalStateException.class, () -> writer.put("a", THREE_BYTES));
      assertEquals("a: written before", again.getMessage());
      Exception missing = assertThrows(IllegalStateException.class, writer::commit);
      assertEquals("tensors never written: [b]", missing.getMessage());
      writer.put("b", MemorySegment.ofArray(new float[1]));
      writer.commit();
      assertThrows(IllegalStateException.class, writer::commit);
    }
    assertEquals(List.of("x.safetensors"), TestFiles.names(folder));
  }

  @Test
  void badDeclarationsAreRefusedAndLeaveNothing() throws IOException {
    Path file = folder.resolve("x.safetensors");
    List<TensorInfo> twice = List.of(TWO.getFirst(), TWO.getFirst());
    Exception e =
        assertThrows(
            IllegalArgumentException.class, () -> SafetensorsWriter.open(file, twice, Map.of()));
    assertEquals("tensor 'a' is given twice", e.getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.openSharded(folder, twice, Map.of(), 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.openSharded(folder, TWO, Map.of(), 0));
    Map<String, TensorData> reserved = Map.of("__metadata__", TestFiles.tensor(DType.U8, 1, 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.write(file, new NamedTensors(reserved, Map.of())));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.open(file, TWO, Map.of("k", "\udc00")));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.open(file, TWO, Map.of("k", "v".repeat(100_000_000))));
    assertThrows(
        NoSuchFileException.class,
        () -> SafetensorsWriter.open(folder.resolve("no/x.safetensors"), TWO, Map.of()));
    assertEquals(List.of(), TestFiles.names(folder));
  }
}

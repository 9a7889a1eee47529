package io.parq.export.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of 5 GB, of which only a few bytes are on the disk. */
class LargeFileTest {
  private static final long BIG = 5_000_000_000L;

  @TempDir Path folder;

  @Test
  void tensorsBeyondTwoGigabytesAreRead() throws IOException {
    String header =
        "{\"big\":{\"dtype\":\"U8\",\"shape\":[5,1000000000],\"data_offsets\":[0,%d]},"
                .formatted(BIG)
            + "\"far\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%d,%d]}}"
                .formatted(BIG, BIG + 8);
    byte[] start = TestFiles.bytes(header, 0);
    Path file = folder.resolve("big.safetensors");
    try (FileChannel channel =
        FileChannel.open(
            file,
            Set.of(
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.SPARSE,
                StandardOpenOption.WRITE))) {
      channel.write(ByteBuffer.wrap(start), 0);
      channel.write(ByteBuffer.wrap(new byte[] {42}), start.length + BIG - 1);
      byte[] floats = MemorySegment.ofArray(new float[] {1.5f, -2f}).toArray(ValueLayout.JAVA_BYTE);
      channel.write(ByteBuffer.wrap(floats), start.length + BIG);
    }
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      TensorData big = reader.tensor("big");
      assertEquals(BIG, big.elements());
      assertEquals(42, big.data().get(ValueLayout.JAVA_BYTE, BIG - 1));
      assertArrayEquals(new float[] {1.5f, -2f}, reader.tensor("far").toFloats());
    }
  }

  @Test
  void tensorsBeyondTwoGigabytesAreWrittenInTheirPlace() throws IOException {
    List<TensorInfo> tensors =
        List.of(TensorInfo.of("far", DType.U8, 3), TensorInfo.of("big", DType.F32, BIG / 4));
    Path file = folder.resolve("big.safetensors");
    try (SafetensorsWriter writer = SafetensorsWriter.open(file, tensors, Map.of())) {
      writer.put("far", MemorySegment.ofArray("end".getBytes(StandardCharsets.UTF_8)));
      try (Stream<Path> files = Files.list(folder);
          FileChannel channel = FileChannel.open(files.findFirst().orElseThrow())) {
        assertEquals(0, (channel.size() - 3 - BIG) % 8);
        ByteBuffer last = ByteBuffer.allocate(3);
        channel.read(last, channel.size() - 3);
        assertEquals("end", new String(last.array(), StandardCharsets.UTF_8));
      }
    }
    assertEquals(List.of(), TestFiles.names(folder));
  }
}

package io.parq.export.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardsTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir Path folder;

  private void write(NamedTensors tensors, long maxShardBytes) throws IOException {
    List<TensorInfo> infos = new ArrayList<>();
    tensors.tensors().forEach((name, tensor) -> infos.add(TensorInfo.of(name, tensor)));
    try (SafetensorsWriter writer =
        SafetensorsWriter.openSharded(folder, infos, tensors.values(), maxShardBytes)) {
      for (TensorInfo info : infos.reversed()) {
        writer.put(info.name(), tensors.tensors().get(info.name()).data());
      }
      writer.commit();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 15, 64, 130, 1L << 40})
  void everythingComesBackFromFolderAndIndex(long maxShardBytes) throws IOException {
    NamedTensors written = TestFiles.everything();
    write(written, maxShardBytes);
    for (Path path : List.of(folder, folder.resolve(INDEX))) {
      NamedTensors read = SafetensorsReader.read(path);
      assertEquals(
          new ArrayList<>(written.tensors().keySet()), new ArrayList<>(read.tensors().keySet()));
      assertEquals(written.values(), read.values());
      written
          .tensors()
          .forEach((name, t) -> assertTrue(TestFiles.same(t, read.tensors().get(name))));
    }
    for (String name : TestFiles.names(folder)) {
      if (!name.equals(INDEX)) {
        NamedTensors shard = SafetensorsReader.read(folder.resolve(name));
        long bytes = shard.tensors().values().stream().mapToLong(t -> t.data().byteSize()).sum();
        assertTrue(bytes <= maxShardBytes || shard.tensors().size() == 1, name);
        assertEquals(written.values(), shard.values());
      }
    }
  }

  @Test
  void filesAndIndexAreNamedAsUsual() throws IOException {
    Map<String, TensorData> tensors = new java.util.LinkedHashMap<>();
    for (String name : List.of("a", "b", "c", "d")) {
      tensors.put(name, TestFiles.tensor(DType.U8, 1, name.equals("c") ? 9 : 2));
    }
    write(new NamedTensors(tensors, Map.of()), 4);
    assertEquals(
        List.of(
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
            INDEX),
        TestFiles.names(folder));
    assertEquals(
        """
        {
          "metadata" : {
            "total_size" : 15
          },
          "weight_map" : {
            "a" : "model-00001-of-00003.safetensors",
            "b" : "model-00001-of-00003.safetensors",
            "c" : "model-00002-of-00003.safetensors",
            "d" : "model-00003-of-00003.safetensors"
          }
        }
        """,
        Files.readString(folder.resolve(INDEX)));
    try (SafetensorsReader reader = SafetensorsReader.open(folder)) {
      assertEquals(4, reader.files().size());
      assertEquals(folder.resolve(INDEX), reader.files().getFirst());
    }
  }

  @Test
  void aModelReplacesAnother() throws IOException {
    write(TestFiles.everything(), 64);
    NamedTensors other = new NamedTensors(Map.of("a", TestFiles.tensor(DType.F32, 1, 2)), Map.of());
    write(other, 64);
    assertEquals(other.tensors().keySet(), SafetensorsReader.read(folder).tensors().keySet());
  }

  @Test
  void whatTheIndexDoesNotNameIsNotSeen() throws IOException {
    NamedTensors two =
        new NamedTensors(
            Map.of("a", TestFiles.tensor(DType.U8, 1, 2), "b", TestFiles.tensor(DType.U8, 2, 2)),
            Map.of());
    SafetensorsWriter.write(folder.resolve("s.safetensors"), two);
    index("{\"weight_map\":{\"a\":\"s.safetensors\"}}");
    assertEquals(Map.of("a", 1).keySet(), SafetensorsReader.read(folder).tensors().keySet());
  }

  private Path index(String text) throws IOException {
    return Files.writeString(folder.resolve(INDEX), text);
  }

  private String refused(Path path) {
    Exception e = assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(path));
    return String.valueOf(e.getMessage()).replace(folder.toString(), "FOLDER");
  }

  @Test
  void badIndexesAreRefused() throws IOException {
    SafetensorsWriter.write(
        folder.resolve("s.safetensors"),
        new NamedTensors(Map.of("a", TestFiles.tensor(DType.U8, 1, 2)), Map.of()));
    String prefix = "FOLDER/" + INDEX + ": ";
    assertEquals(
        prefix + "tensor 'a': shard t.safetensors is missing, expected it beside the index",
        refused(index("{\"weight_map\":{\"a\":\"t.safetensors\"}}")));
    assertEquals(
        prefix + "tensor 'b': not in FOLDER/s.safetensors, where the index puts it",
        refused(index("{\"weight_map\":{\"b\":\"s.safetensors\"}}")));
    assertEquals(prefix + "no weight_map, expected an object", refused(index("{}")));
    assertEquals(prefix + "no weight_map, expected an object", refused(index("[]")));
    assertEquals(
        prefix + "no weight_map, expected an object", refused(index("{\"weight_map\":[]}")));
    for (String text : List.of("", "{", "{}{}", "{\"weight_map\":{},\"weight_map\":{}}")) {
      String message = refused(index(text));
      assertTrue(message.startsWith(prefix), message);
    }
    for (String name :
        List.of(
            "\"../s.safetensors\"",
            "\"/s.safetensors\"",
            "\"x\\\\s.safetensors\"",
            "\"c:s.safetensors\"",
            "\"s\\u0000.safetensors\"",
            "\"s.bin\"",
            "\"\"",
            "7",
            "null")) {
      String message = refused(index("{\"weight_map\":{\"a\":" + name + "}}"));
      assertTrue(
          message.startsWith(prefix + "tensor 'a': shard ")
              && message.endsWith("expected the name of a .safetensors file in the same folder"),
          message);
    }
    Files.write(folder.resolve(INDEX), new byte[] {'{', (byte) 0xff, '}'});
    assertEquals(prefix + "index is not UTF-8", refused(folder));
  }

  @Test
  void aFolderMustHoldOneModel() throws IOException {
    assertEquals(
        "FOLDER: expected one *.safetensors file or one *.safetensors.index.json, found neither",
        refused(folder));
    NamedTensors one = new NamedTensors(Map.of("a", TestFiles.tensor(DType.U8, 1, 2)), Map.of());
    SafetensorsWriter.write(folder.resolve("x.safetensors"), one);
    assertEquals(one.tensors().keySet(), SafetensorsReader.read(folder).tensors().keySet());
    SafetensorsWriter.write(folder.resolve("y.safetensors"), one);
    assertEquals(
        "FOLDER: expected one *.safetensors file or one *.safetensors.index.json,"
            + " found [FOLDER/x.safetensors, FOLDER/y.safetensors]",
        refused(folder));
  }
}

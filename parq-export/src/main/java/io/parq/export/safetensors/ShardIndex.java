package io.parq.export.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The index of a sharded model, and how a path leads to a file or to an index. */
final class ShardIndex {
  static final String SUFFIX = ".safetensors.index.json";

  private static final ObjectReader READER =
      Json.MAPPER.reader().with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private ShardIndex() {}

  static boolean isIndex(Path file) {
    return name(file).endsWith(SUFFIX);
  }

  /**
   * Finds the model in a folder: its only index or, without one, its only safetensors file.
   *
   * @param path a folder, or a file that is returned as it is
   */
  static Path locate(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return path;
    }
    List<Path> found = matching(path, SUFFIX);
    if (found.isEmpty()) {
      found = matching(path, ".safetensors");
    }
    if (found.size() != 1) {
      throw new SafetensorsException(
          path,
          "expected one *.safetensors file or one *%s, found %s"
              .formatted(SUFFIX, found.isEmpty() ? "neither" : found));
    }
    return found.getFirst();
  }

  private static List<Path> matching(Path folder, String suffix) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> name(file).endsWith(suffix)).sorted().toList();
    }
  }

  private static String name(Path file) {
    Path name = file.getFileName();
    return name == null ? "" : name.toString();
  }

  /** {@return the file of each tensor, in the index's order} */
  static Map<String, Path> read(Path index) throws IOException {
    if (Files.size(index) > Header.MAX_LENGTH) {
      throw new SafetensorsException(
          index,
          "index of %d bytes, expected at most %d".formatted(Files.size(index), Header.MAX_LENGTH));
    }
    String text = Json.utf8(index, "index", MemorySegment.ofArray(Files.readAllBytes(index)));
    JsonNode map;
    try {
      map = READER.readTree(text).path("weight_map");
    } catch (JacksonException e) {
      throw Json.invalid(index, "index", e);
    }
    if (!map.isObject()) {
      throw new SafetensorsException(index, "no weight_map, expected an object");
    }
    Map<String, Path> files = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      files.put(entry.getKey(), shard(index, entry.getKey(), entry.getValue()));
    }
    return files;
  }

  private static Path shard(Path index, String tensor, JsonNode value) throws IOException {
    String name = value.isTextual() ? value.textValue() : "";
    // A name that could lead out of the folder is refused, on every platform.
    if (!name.endsWith(".safetensors") || name.matches("(?s).*[/\\\\:\0].*")) {
      throw new SafetensorsException(
          index,
          tensor,
          "shard %s, expected the name of a .safetensors file in the same folder".formatted(value));
    }
    Path file = index.resolveSibling(name);
    if (!Files.isRegularFile(file)) {
      throw new SafetensorsException(
          index, tensor, "shard %s is missing, expected it beside the index".formatted(name));
    }
    return file;
  }

  /** {@return the text of an index} */
  static byte[] text(Map<String, String> shardOfTensor, long totalSize) {
    ObjectNode root = Json.MAPPER.createObjectNode();
    root.putObject("metadata").put("total_size", totalSize);
    ObjectNode map = root.putObject("weight_map");
    shardOfTensor.forEach(map::put);
    return (root.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /** Cuts tensors, in their order, into runs of at most a number of bytes, one at least in each. */
  static List<List<TensorInfo>> cut(List<TensorInfo> tensors, long maxBytes) {
    List<List<TensorInfo>> shards = new ArrayList<>();
    List<TensorInfo> shard = new ArrayList<>();
    long size = 0;
    for (TensorInfo tensor : tensors) {
      if (!shard.isEmpty() && tensor.byteSize() > maxBytes - size) {
        shards.add(shard);
        shard = new ArrayList<>();
        size = 0;
      }
      shard.add(tensor);
      size += tensor.byteSize();
    }
    shards.add(shard);
    return shards;
  }
}

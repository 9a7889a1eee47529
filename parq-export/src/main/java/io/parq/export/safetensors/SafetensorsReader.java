package io.parq.export.safetensors;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors model, memory-mapped: opening reads the headers only, and tensors are views of the
 * mapped files. Everything the headers say is checked when the model is opened, so a view never
 * reaches outside its file. Thread-safe, but views fail once the reader is closed.
 */
public final class SafetensorsReader implements AutoCloseable {
  private record Located(Path file, TensorInfo info, MemorySegment data) {}

  private final Path path;
  private final Arena arena = Arena.ofShared();
  private final List<Path> files = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final Map<String, Located> tensors = new LinkedHashMap<>();

  private SafetensorsReader(Path path) {
    this.path = path;
  }

  /**
   * Opens a model.
   *
   * <p>Of a sharded model only the tensors that the index names are seen; plain values of all
   * shards are put together, and where two shards differ the first one counts.
   *
   * @param path a safetensors file, an index ({@code *.safetensors.index.json}), or a folder that
   *     holds one index or else one safetensors file
   * @return the reader, to be closed by the caller
   * @throws SafetensorsException if a header is longer than the file or 100 MB, is not strict UTF-8
   *     JSON, names a tensor twice, has sizes that do not match type and shape, data that overlaps,
   *     leaves holes or lies outside the file; or if the index names a missing file or a tensor
   *     that its file lacks
   * @throws IOException if a file cannot be read
   */
  public static SafetensorsReader open(Path path) throws IOException {
    SafetensorsReader reader = new SafetensorsReader(path);
    try {
      Path file = ShardIndex.locate(path);
      if (ShardIndex.isIndex(file)) {
        reader.addShards(file);
      } else {
        reader.tensors.putAll(reader.map(file));
      }
      return reader;
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /** Opens files that are a model together, under the name that errors tell. */
  static SafetensorsReader ofFiles(Path path, List<Path> files) throws IOException {
    SafetensorsReader reader = new SafetensorsReader(path);
    try {
      for (Path file : files) {
        reader.tensors.putAll(reader.map(file));
      }
      return reader;
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /**
   * Reads a whole model to memory, such as an optimizer's state: independent of the file
   * afterwards.
   *
   * @param path as for {@link #open}
   * @return tensors and plain values, in the file's order; the tensors' memory is native and freed
   *     with them
   * @throws IOException as for {@link #open} and {@link #tensor}
   */
  public static NamedTensors read(Path path) throws IOException {
    try (SafetensorsReader reader = open(path)) {
      Map<String, TensorData> copies = new LinkedHashMap<>();
      for (TensorInfo info : reader.tensors()) {
        TensorData view = reader.tensor(info.name());
        MemorySegment copy = Arena.ofAuto().allocate(info.byteSize(), Long.BYTES);
        copies.put(
            info.name(), new TensorData(view.dtype(), view.shape(), copy.copyFrom(view.data())));
      }
      return new NamedTensors(copies, reader.metadata());
    }
  }

  private void addShards(Path index) throws IOException {
    files.add(index);
    Map<Path, Map<String, Located>> shards = new LinkedHashMap<>();
    for (Map.Entry<String, Path> entry : ShardIndex.read(index).entrySet()) {
      Path file = entry.getValue();
      Map<String, Located> shard = shards.get(file);
      if (shard == null) {
        shard = map(file);
        shards.put(file, shard);
      }
      Located located = shard.get(entry.getKey());
      if (located == null) {
        throw new SafetensorsException(
            index, entry.getKey(), "not in %s, where the index puts it".formatted(file));
      }
      tensors.put(entry.getKey(), located);
    }
  }

  private Map<String, Located> map(Path file) throws IOException {
    MemorySegment bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    }
    files.add(file);
    Header header = HeaderParser.parse(file, bytes);
    header.metadata().forEach(metadata::putIfAbsent);
    Map<String, Located> found = new LinkedHashMap<>();
    for (Header.Entry entry : header.entries()) {
      TensorInfo info = entry.info();
      MemorySegment data = bytes.asSlice(header.dataStart() + entry.begin(), info.byteSize());
      found.put(info.name(), new Located(file, info, data));
    }
    return found;
  }

  /** {@return the path this reader was opened with} */
  public Path path() {
    return path;
  }

  /** {@return all files read, an index first} */
  public List<Path> files() {
    return Collections.unmodifiableList(files);
  }

  /** {@return the plain values, in the file's order} */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /** {@return all tensors, of known and unknown types, in the order of the header or the index} */
  public List<TensorInfo> tensors() {
    return tensors.values().stream().map(Located::info).toList();
  }

  /**
   * Looks a tensor up.
   *
   * @param name its name
   * @return its description, or null if there is none of this name
   */
  public @Nullable TensorInfo find(String name) {
    Located located = tensors.get(name);
    return located == null ? null : located.info();
  }

  /**
   * Views a tensor.
   *
   * @param name its name
   * @return a read-only view of the mapped file, valid until this reader is closed
   * @throws SafetensorsException if there is no such tensor or its element type is unknown
   */
  public TensorData tensor(String name) throws SafetensorsException {
    Located located = located(name);
    DType dtype = located.info().dtype();
    if (dtype == null) {
      throw new SafetensorsException(
          located.file(),
          name,
          "element type %s, expected one of %s"
              .formatted(located.info().dtypeName(), Arrays.toString(DType.values())));
    }
    return new TensorData(dtype, located.info().shape(), located.data());
  }

  /**
   * Views a tensor's bytes, whatever its element type.
   *
   * @param name its name
   * @return a read-only view of the mapped file, valid until this reader is closed
   * @throws SafetensorsException if there is no such tensor
   */
  public MemorySegment bytes(String name) throws SafetensorsException {
    return located(name).data();
  }

  private Located located(String name) throws SafetensorsException {
    Located located = tensors.get(name);
    if (located == null) {
      throw new SafetensorsException(
          path, name, "not found, expected one of %d tensors".formatted(tensors.size()));
    }
    return located;
  }

  /** Unmaps the files; views fail from now on. Closing twice does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}

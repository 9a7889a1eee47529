package io.parq.export.safetensors;

import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes a safetensors model, atomically: files are written under temporary names in the same
 * folder, forced to the disk, and get their names when all is there ({@link #commit}). If anything
 * fails before, the temporary files are removed and what was there stays as it was; a process that
 * is killed may leave files that end with {@code .tmp}.
 *
 * <p>Names, types and shapes are declared first; then the tensors' bytes come in any order and are
 * not kept, so that a model is written with memory for one tensor:
 *
 * <pre>{@code
 * try (SafetensorsWriter writer = SafetensorsWriter.open(file, tensors, metadata)) {
 *   for (TensorInfo tensor : tensors) {
 *     writer.put(tensor.name(), produce(tensor));
 *   }
 *   writer.commit();
 * }
 * }</pre>
 *
 * <p>The header keeps the declared order and is padded so that the data begins at a multiple of 8
 * bytes; the data is ordered by element size, largest first and otherwise as declared, so every
 * tensor is aligned to its elements. Several threads may write different tensors; otherwise not
 * thread-safe.
 */
public final class SafetensorsWriter implements AutoCloseable {
  /** The bytes of a tensor, piece by piece. */
  @FunctionalInterface
  public interface Pieces {
    /**
     * {@return the next piece, memory of any kind that is used before the next one is asked for;
     * null at the end}
     *
     * @throws IOException if it cannot be read
     */
    @Nullable MemorySegment next() throws IOException;
  }

  private record Place(AtomicFile file, TensorInfo info, long position) {}

  private final List<AtomicFile> files = new ArrayList<>();
  private final Map<String, Place> places = new LinkedHashMap<>();
  private final Set<String> pending = new LinkedHashSet<>();
  private @Nullable Path index;
  private boolean committed;

  private SafetensorsWriter() {}

  /**
   * Writes a whole file.
   *
   * @param file the file; an existing one is replaced
   * @param tensors the tensors, and plain values that become {@code __metadata__}
   * @throws IllegalArgumentException as for {@link #open}
   * @throws IOException if writing fails; an existing file is then unchanged
   */
  public static void write(Path file, NamedTensors tensors) throws IOException {
    List<TensorInfo> infos = new ArrayList<>();
    tensors.tensors().forEach((name, tensor) -> infos.add(TensorInfo.of(name, tensor)));
    try (SafetensorsWriter writer = open(file, infos, tensors.values())) {
      for (Map.Entry<String, TensorData> entry : tensors.tensors().entrySet()) {
        writer.put(entry.getKey(), entry.getValue());
      }
      writer.commit();
    }
  }

  /**
   * Begins a single file.
   *
   * @param file the file; an existing one is replaced by {@link #commit}
   * @param tensors all tensors to come
   * @param metadata plain values
   * @return the writer, to be closed by the caller
   * @throws IllegalArgumentException if a name occurs twice, is {@code __metadata__} or is not
   *     text, or the header exceeds 100 MB
   * @throws ArithmeticException if the size overflows a {@code long}
   * @throws IOException if the temporary file cannot be written
   */
  public static SafetensorsWriter open(
      Path file, List<TensorInfo> tensors, Map<String, String> metadata) throws IOException {
    return open(List.of(file), List.of(tensors), metadata);
  }

  /**
   * Begins a sharded model: files {@code model-00001-of-00003.safetensors} and so on, and {@code
   * model.safetensors.index.json}. {@link #commit} removes an index that is there already, names
   * the files, and writes the index last, so that there is never an index over a mixture of models.
   * Shards of an earlier model that had another number of them are left alone. Every shard has all
   * plain values.
   *
   * @param folder an existing folder
   * @param tensors all tensors to come; shards take them in this order
   * @param metadata plain values
   * @param maxShardBytes bytes of data in a shard, at least 1; a larger tensor has a shard for
   *     itself
   * @return the writer, to be closed by the caller
   * @throws IllegalArgumentException as for {@link #open}, or if {@code maxShardBytes} is below 1
   * @throws ArithmeticException if the size overflows a {@code long}
   * @throws IOException if a temporary file cannot be written
   */
  public static SafetensorsWriter openSharded(
      Path folder, List<TensorInfo> tensors, Map<String, String> metadata, long maxShardBytes)
      throws IOException {
    if (maxShardBytes < 1) {
      throw new IllegalArgumentException(
          "shards of %d bytes, expected at least 1".formatted(maxShardBytes));
    }
    List<List<TensorInfo>> shards = ShardIndex.cut(tensors, maxShardBytes);
    List<Path> names = new ArrayList<>();
    for (int i = 1; i <= shards.size(); i++) {
      names.add(folder.resolve("model-%05d-of-%05d.safetensors".formatted(i, shards.size())));
    }
    HeaderWriter.checkNames(tensors, metadata);
    SafetensorsWriter writer = open(names, shards, metadata);
    writer.index = folder.resolve("model" + ShardIndex.SUFFIX);
    return writer;
  }

  private static SafetensorsWriter open(
      List<Path> names, List<List<TensorInfo>> shards, Map<String, String> metadata)
      throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    try {
      for (int i = 0; i < names.size(); i++) {
        writer.begin(names.get(i), shards.get(i), metadata);
      }
      return writer;
    } catch (IOException | RuntimeException | Error e) {
      writer.close();
      throw e;
    }
  }

  private void begin(Path name, List<TensorInfo> tensors, Map<String, String> metadata)
      throws IOException {
    HeaderWriter.checkNames(tensors, metadata);
    Header header = HeaderWriter.layOut(tensors, metadata);
    byte[] encoded = HeaderWriter.encode(header);
    AtomicFile file = new AtomicFile(name);
    files.add(file);
    file.write(MemorySegment.ofArray(encoded), 0);
    long bytes = header.entries().stream().mapToLong(entry -> entry.info().byteSize()).sum();
    if (bytes > 0) { // as long as it is going to be, so that it can be read while it is written
      file.write(MemorySegment.ofArray(new byte[1]), encoded.length + bytes - 1);
    }
    for (Header.Entry entry : header.entries()) {
      String tensor = entry.info().name();
      places.put(tensor, new Place(file, entry.info(), encoded.length + entry.begin()));
      pending.add(tensor);
    }
  }

  /**
   * Writes a declared tensor.
   *
   * @param name its name
   * @param data its little-endian bytes, memory of any kind; not modified, not kept
   * @throws IllegalArgumentException if it was not declared or its size is another
   * @throws IllegalStateException if it was written before
   * @throws IOException if writing fails
   */
  public void put(String name, MemorySegment data) throws IOException {
    put(name, List.of(data));
  }

  /**
   * Writes a declared tensor, part by part.
   *
   * @param name its name
   * @param tensor its elements; not modified, not kept
   * @throws IllegalArgumentException if it was not declared or its size is another
   * @throws IllegalStateException if it was written before
   * @throws IOException if writing fails
   */
  public void put(String name, TensorData tensor) throws IOException {
    put(name, tensor.parts());
  }

  private void put(String name, List<MemorySegment> parts) throws IOException {
    TensorInfo info = place(name).info();
    long size = parts.stream().mapToLong(MemorySegment::byteSize).sum();
    if (size != info.byteSize()) {
      throw otherSize(info, size);
    }
    Iterator<MemorySegment> iterator = parts.iterator();
    put(name, () -> iterator.hasNext() ? iterator.next() : null);
  }

  /**
   * Writes a declared tensor, piece by piece.
   *
   * @param name its name
   * @param pieces its little-endian bytes
   * @throws IllegalArgumentException if it was not declared or its size is another
   * @throws IllegalStateException if it was written before
   * @throws IOException if writing fails
   */
  public void put(String name, Pieces pieces) throws IOException {
    Place place = place(name);
    synchronized (pending) {
      if (!pending.contains(name)) {
        throw new IllegalStateException(name + ": written before");
      }
    }
    long size = 0;
    for (MemorySegment piece = pieces.next(); piece != null; piece = pieces.next()) {
      if (piece.byteSize() > place.info().byteSize() - size) {
        throw otherSize(place.info(), size + piece.byteSize());
      }
      place.file().write(piece, place.position() + size);
      size += piece.byteSize();
    }
    if (size != place.info().byteSize()) {
      throw otherSize(place.info(), size);
    }
    synchronized (pending) {
      pending.remove(name);
    }
  }

  private Place place(String name) {
    Place place = places.get(name);
    if (place == null) {
      throw new IllegalArgumentException(
          "%s: not declared, expected one of %d tensors".formatted(name, places.size()));
    }
    return place;
  }

  private static IllegalArgumentException otherSize(TensorInfo info, long size) {
    return new IllegalArgumentException(
        "%s: %d bytes, expected %d for %s%s"
            .formatted(
                info.name(),
                size,
                info.byteSize(),
                info.dtypeName(),
                Arrays.toString(info.shape())));
  }

  /**
   * Reads what was written so far; other tensors are zeros.
   *
   * @return the reader, to be closed before {@link #commit}
   * @throws IOException if a file cannot be read
   */
  public SafetensorsReader reader() throws IOException {
    return SafetensorsReader.ofFiles(
        files.getFirst().file(), files.stream().map(AtomicFile::temporary).toList());
  }

  /**
   * Gives the files their names, once all tensors are written.
   *
   * @throws IllegalStateException if a tensor is missing or all was committed before
   * @throws IOException if a file cannot be forced to the disk or renamed
   */
  public void commit() throws IOException {
    if (committed || !pending.isEmpty()) {
      throw new IllegalStateException(
          committed ? "committed before" : "tensors never written: " + pending);
    }
    for (AtomicFile file : files) {
      file.force();
    }
    if (index == null) {
      moveAll();
    } else {
      try (AtomicFile indexFile = new AtomicFile(index)) {
        indexFile.write(MemorySegment.ofArray(indexText()), 0);
        indexFile.force();
        Files.deleteIfExists(index);
        moveAll();
        indexFile.move();
      }
    }
    committed = true;
    AtomicFile.forceFolder(folder());
  }

  private void moveAll() throws IOException {
    for (AtomicFile file : files) {
      file.move();
    }
  }

  private Path folder() {
    Path folder = files.getFirst().file().toAbsolutePath().getParent();
    return folder == null ? Path.of("") : folder;
  }

  private byte[] indexText() {
    Map<String, String> shardOfTensor = new LinkedHashMap<>();
    long total = 0;
    for (Map.Entry<String, Place> entry : places.entrySet()) {
      Place place = entry.getValue();
      shardOfTensor.put(entry.getKey(), String.valueOf(place.file().file().getFileName()));
      total = Math.addExact(total, place.info().byteSize());
    }
    return ShardIndex.text(shardOfTensor, total);
  }

  /**
   * Removes what was not committed.
   *
   * @throws IOException if a temporary file cannot be removed
   */
  @Override
  public void close() throws IOException {
    IOException failure = null;
    for (AtomicFile file : files) {
      try {
        file.close();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}

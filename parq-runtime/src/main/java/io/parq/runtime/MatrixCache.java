package io.parq.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.safetensors.AtomicFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Repacked matrices in a file, which is mapped: loading takes a moment, and what is not used stays
 * on the disk. It counts for the files that it was made from, by name, size and time of change, and
 * for the layout of the kernels that are running; otherwise it is written anew. A file that cannot
 * be read or written is done without.
 *
 * <pre>
 * magic    8 bytes
 * length   of the header, 64 bits, little-endian
 * header   JSON: stamp, end, matrices by name: kind, geometry, numbers, memory [offset, size]
 * data     each part at a multiple of 64 bytes
 * </pre>
 */
final class MatrixCache {
  static final String SUFFIX = ".parq-cache";

  private static final System.Logger LOG = System.getLogger(MatrixCache.class.getName());
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** To be changed with the layout of any matrix. */
  private static final long MAGIC = 0x3230_4843_5152_4150L; // PARQCH02

  private static final int PROLOGUE = 2 * Long.BYTES;
  private static final long MOST_HEADER = 100L << 20;

  private final Path file;
  private final String stamp;
  private final Map<String, MatrixImage> read = new LinkedHashMap<>();
  private final Map<String, MatrixImage> fresh = new LinkedHashMap<>();

  private MatrixCache(Path file, String stamp) {
    this.file = file;
    this.stamp = stamp;
  }

  /**
   * Opens the cache of a model, which may be empty.
   *
   * @param weights the model's file or folder
   * @param folder of the cache, or null for the model's own
   */
  static MatrixCache open(Path weights, @Nullable Path folder) throws IOException {
    Path path = weights.toAbsolutePath().normalize();
    boolean isFolder = Files.isDirectory(path);
    String name = (isFolder ? "model" : path.getFileName()) + SUFFIX;
    Path file = isFolder ? path.resolve(name) : path.resolveSibling(name);
    if (folder != null) {
      file = folder.resolve("%08x-%s".formatted(path.toString().hashCode(), name));
    }
    MatrixCache cache = new MatrixCache(file, stamp(path));
    if (Files.isRegularFile(file)) {
      try {
        cache.map();
      } catch (IOException | RuntimeException e) {
        cache.read.clear();
        LOG.log(System.Logger.Level.DEBUG, file + ": not used", e);
      }
    }
    return cache;
  }

  /** What the matrices depend on. */
  private static String stamp(Path weights) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append(weights).append('\n');
    Path folder = Files.isDirectory(weights) ? weights : weights.getParent();
    String prefix = Files.isDirectory(weights) ? "" : "" + weights.getFileName();
    List<Path> files;
    try (Stream<Path> all = Files.list(folder == null ? Path.of("") : folder)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    for (Path file : files) {
      String name = "" + file.getFileName();
      if (name.startsWith(prefix) && !name.contains(SUFFIX)) {
        text.append(
            "%s %d %s%n".formatted(name, Files.size(file), Files.getLastModifiedTime(file)));
      }
    }
    return text.toString();
  }

  private void map() throws IOException {
    MemorySegment bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
    }
    long length = bytes.get(LONG, Long.BYTES);
    if (bytes.get(LONG, 0) != MAGIC || length < 0 || length > MOST_HEADER) {
      throw new IOException("of another release");
    }
    byte[] text = bytes.asSlice(PROLOGUE, length).toArray(ValueLayout.JAVA_BYTE);
    JsonNode header = JSON.readTree(text);
    if (!header.path("stamp").asText().equals(stamp)
        || header.path("end").asLong() != bytes.byteSize()) {
      throw new IOException("made from other files");
    }
    header
        .path("matrices")
        .properties()
        .forEach(matrix -> read.put(matrix.getKey(), image(matrix.getValue(), bytes)));
  }

  private static MatrixImage image(JsonNode node, MemorySegment bytes) {
    JsonNode cut = node.path("geometry");
    Geometry geometry =
        new Geometry(cut.path(0).asLong(), cut.path(1).asInt(), cut.path(2).asInt());
    List<Integer> numbers = new ArrayList<>();
    node.path("numbers").forEach(number -> numbers.add(number.asInt()));
    List<MemorySegment> memory = new ArrayList<>();
    node.path("memory")
        .forEach(part -> memory.add(bytes.asSlice(part.path(0).asLong(), part.path(1).asLong())));
    MatrixImage.Kind kind = MatrixImage.Kind.valueOf(node.path("kind").asText());
    return new MatrixImage(kind, geometry, numbers, memory);
  }

  /** The matrix of a name, or null if there is none that fits. */
  @Nullable PackedMatrix get(String name, int rows, int columns) {
    MatrixImage image = read.get(name);
    if (image == null) {
      return null;
    }
    MatrixKernels kernels = Chosen.of(rows, columns);
    Geometry geometry = image.geometry();
    try {
      return geometry.rows() == rows && geometry.columns() == columns
          ? PackedMatrix.of(image, kernels)
          : null;
    } catch (IllegalArgumentException e) {
      LOG.log(System.Logger.Level.DEBUG, file + ": " + name + ": not used", e);
      return null;
    }
  }

  /** Takes a matrix that was not there. */
  void add(String name, PackedMatrix matrix) {
    fresh.put(name, matrix.image());
  }

  /** Whether all matrices were there. */
  boolean isComplete() {
    return !read.isEmpty() && fresh.isEmpty();
  }

  /** Writes the file anew, unless that is not possible. */
  void write() {
    if (fresh.isEmpty()) {
      return;
    }
    Map<String, MatrixImage> all = new LinkedHashMap<>(read);
    all.putAll(fresh);
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      try (AtomicFile out = new AtomicFile(file)) {
        write(all, out);
        out.force();
        out.move();
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.DEBUG, file + ": not written", e);
    }
  }

  private void write(Map<String, MatrixImage> images, AtomicFile out) throws IOException {
    // Offsets depend on the header's length: room for it is what it takes with the longest ones.
    byte[] longest = header(images, Long.MAX_VALUE / 2);
    long start = align(PROLOGUE + longest.length);
    byte[] text = header(images, start);
    MemorySegment prologue = MemorySegment.ofArray(new byte[PROLOGUE]);
    prologue.set(LONG, 0, MAGIC);
    prologue.set(LONG, Long.BYTES, text.length);
    out.write(prologue, 0);
    out.write(MemorySegment.ofArray(text), PROLOGUE);
    long at = start;
    for (MatrixImage image : images.values()) {
      for (MemorySegment part : image.memory()) {
        out.write(part, at);
        at = align(at + part.byteSize());
      }
    }
    // The last part may end before the next multiple; a byte makes the file as long as it says.
    out.write(MemorySegment.ofArray(new byte[1]), at);
  }

  private byte[] header(Map<String, MatrixImage> images, long start) {
    ObjectNode header = JSON.createObjectNode();
    header.put("stamp", stamp);
    ObjectNode matrices = header.putObject("matrices");
    long at = start;
    for (Map.Entry<String, MatrixImage> entry : images.entrySet()) {
      MatrixImage image = entry.getValue();
      ObjectNode node = matrices.putObject(entry.getKey()).put("kind", image.kind().name());
      Geometry cut = image.geometry();
      node.putArray("geometry").add(cut.rows()).add(cut.columns()).add(cut.group());
      image.numbers().forEach(node.putArray("numbers")::add);
      ArrayNode memory = node.putArray("memory");
      for (MemorySegment part : image.memory()) {
        memory.addArray().add(at).add(part.byteSize());
        at = align(at + part.byteSize());
      }
    }
    header.put("end", at + 1);
    return header.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static long align(long at) {
    return Math.ceilDiv(at, Plane.ALIGNMENT) * Plane.ALIGNMENT;
  }
}

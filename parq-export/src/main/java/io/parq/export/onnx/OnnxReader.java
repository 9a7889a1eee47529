package io.parq.export.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.parq.export.ModelReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import onnx.Onnx.ModelProto;

/**
 * Decodes the weights of an ONNX model: those that MatMulNBits, GatherBlockQuantized and
 * DequantizeLinear read, and those stored as floats. Each has the name under which the file keeps
 * its codes, without a suffix such as {@code _Q4} or {@code _Q4G32}; two views of the same bytes,
 * as of a tied head, count once. The graph's shape does not matter. Files stay mapped until the
 * reader is closed. Thread-safe.
 */
public final class OnnxReader implements ModelReader {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final Path file;
  private final Arena arena = Arena.ofShared();
  private Map<String, Weight> weights = Map.of();

  private OnnxReader(Path file) {
    this.file = file;
  }

  /**
   * Opens a model.
   *
   * @param path the file of the graph, or a folder with {@code model.onnx} or else a single {@code
   *     .onnx} file
   * @return the reader, to be closed by the caller
   * @throws IOException if a file cannot be read, is not an ONNX model, or has tensors of other
   *     sizes than the graph says; the message names file and tensor
   */
  public static OnnxReader open(Path path) throws IOException {
    OnnxReader reader = new OnnxReader(locate(path));
    try {
      reader.load();
      return reader;
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  private static Path locate(Path path) throws IOException {
    if (!Files.isDirectory(path) || Files.exists(path.resolve(OnnxWriter.GRAPH))) {
      return Files.isDirectory(path) ? path.resolve(OnnxWriter.GRAPH) : path;
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(path, "*.onnx")) {
      files.forEach(found::add);
    }
    if (found.size() != 1) {
      throw new IOException("%s: %d .onnx files, expected one".formatted(path, found.size()));
    }
    return found.getFirst();
  }

  private void load() throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() > Integer.MAX_VALUE) {
        throw new IOException(
            "%s: %d bytes, expected less than 2 GB, with larger weights beside the graph"
                .formatted(file, channel.size()));
      }
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      CodedInputStream input = CodedInputStream.newInstance(bytes.asByteBuffer());
      input.enableAliasing(true);
      ModelProto model = ModelProto.parseFrom(input);
      if (model.getGraph().getNodeCount() == 0) {
        throw new IOException(file + ": no ONNX model, there is no graph in it");
      }
      Initializers tensors = new Initializers(file, arena, model.getGraph());
      weights = WeightFinder.find(model.getGraph(), tensors);
    } catch (InvalidProtocolBufferException e) {
      throw new IOException(file + ": no ONNX model: " + e.getMessage(), e);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  @Override
  public List<Stored> tensors() {
    List<Stored> stored = new ArrayList<>();
    weights.forEach(
        (name, weight) ->
            stored.add(
                new Stored(
                    name,
                    weight.encoding(),
                    Arrays.stream(weight.shape()).boxed().toList(),
                    weight.bytes())));
    return stored;
  }

  @Override
  public void read(String name, long row, long count, MemorySegment out) throws IOException {
    Weight weight = weights.get(name);
    if (weight == null) {
      throw new IOException(
          "%s: %s: not found, expected one of %d tensors".formatted(file, name, weights.size()));
    }
    Objects.checkFromIndexSize(row, count, weight.rows());
    float[] values = new float[Math.toIntExact(weight.columns())];
    for (long i = 0; i < count; i++) {
      try {
        weight.read(row + i, values);
      } catch (IllegalArgumentException e) {
        throw new IOException("%s: %s: %s".formatted(file, name, e.getMessage()), e);
      }
      MemorySegment.copy(
          values, 0, out, FLOAT, Math.multiplyExact(i, 4L * values.length), values.length);
    }
  }

  /** Unmaps the files; reading fails from now on. */
  @Override
  public void close() {
    arena.close();
  }
}

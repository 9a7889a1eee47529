package io.parq.export;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Quantizes a checkpoint after training: reads safetensors, quantizes the weights, writes the
 * {@link ParqFile packed format} or the quantized values as floats under the original names. One
 * tensor is in memory at a time.
 */
public final class SafetensorsQuantizer {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int CHUNK = 1 << 16;

  /**
   * What to quantize, and how.
   *
   * @param config grid, granularity, scale type
   * @param embeddings the same for embeddings, or null for {@code config}; these are tensors with
   *     one of the usual names as a part of theirs: {@code embed_tokens}, {@code embed_positions},
   *     {@code wte}, {@code wpe}, {@code tok_embeddings}, {@code word_embeddings}, {@code
   *     position_embeddings}, {@code token_type_embeddings}
   * @param include name pattern, {@code *} for any characters and {@code ?} for one, of the tensors
   *     to quantize; null for names that end with {@code .weight}, norms excepted. Only tensors of
   *     floats of rank 2 and more that are not empty are quantized
   * @param dequantized whether to write quantized values as F32 under the original names
   * @param force whether an existing output file is replaced
   */
  public record Options(
      QuantConfig config,
      @Nullable QuantConfig embeddings,
      @Nullable String include,
      boolean dequantized,
      boolean force) {}

  /** Told how far the work is. */
  @FunctionalInterface
  public interface Progress {
    /**
     * Called before every tensor and once at the end.
     *
     * @param doneBytes bytes of the input that are done
     * @param totalBytes bytes of all input tensors
     * @param tensor the tensor whose turn it is; empty at the end
     */
    void update(long doneBytes, long totalBytes, String tensor);
  }

  /**
   * What became of a quantized tensor.
   *
   * @param name its name
   * @param shape its dimensions
   * @param config grid, granularity, scale type
   * @param bytesBefore bytes in the input
   * @param bytesAfter bytes in the output, scales included
   * @param rmsError root of the mean squared difference between weights and their levels
   */
  public record Quantized(
      String name,
      List<Long> shape,
      QuantConfig config,
      long bytesBefore,
      long bytesAfter,
      double rmsError) {}

  /**
   * What was done.
   *
   * @param quantized the quantized tensors, in the input's order
   * @param copied number of tensors that were copied unchanged
   * @param bytesBefore bytes of all input tensors
   * @param bytesAfter bytes of all output tensors
   */
  public record Report(List<Quantized> quantized, int copied, long bytesBefore, long bytesAfter) {}

  private final SafetensorsReader reader;
  private final Options options;
  private final Map<String, QuantConfig> configs = new LinkedHashMap<>();

  private SafetensorsQuantizer(SafetensorsReader reader, Options options) {
    this.reader = reader;
    this.options = options;
  }

  /**
   * Quantizes a checkpoint. The output has its name only when it is complete.
   *
   * @param input a safetensors file, index or folder as for {@link SafetensorsReader#open}
   * @param output the file to write
   * @param options what to quantize, and how
   * @param progress told before every tensor
   * @return what was done
   * @throws IllegalArgumentException if the output is one of the input's files, the input is packed
   *     already, nothing is selected, or a selected tensor's shape does not fit its configuration,
   *     all before anything is written; or if a weight is not finite. The message names the tensor
   * @throws FileAlreadyExistsException if the output exists and {@code force} is off
   * @throws IOException if the input is not valid or writing fails
   */
  public static Report quantize(Path input, Path output, Options options, Progress progress)
      throws IOException {
    try (SafetensorsReader reader = SafetensorsReader.open(input)) {
      checkOutput(reader, output, options.force());
      SafetensorsQuantizer quantizer = new SafetensorsQuantizer(reader, options);
      quantizer.select();
      return quantizer.run(output, progress);
    }
  }

  private static void checkOutput(SafetensorsReader reader, Path output, boolean force)
      throws IOException {
    if (!Files.exists(output)) {
      return;
    }
    for (Path file : reader.files()) {
      if (Files.isSameFile(file, output)) {
        throw new IllegalArgumentException(
            output + " is the input " + file + ", expected another file");
      }
    }
    if (!force || Files.isDirectory(output)) {
      throw new FileAlreadyExistsException(
          output.toString(), null, "exists; force replaces a file, never a folder");
    }
  }

  private void select() {
    if (ParqFile.isPacked(reader)) {
      throw new IllegalArgumentException(reader.path() + " is packed already, expected weights");
    }
    configs.putAll(
        new TensorSelection(options.include())
            .configs(reader.path(), reader.tensors(), options.config(), options.embeddings()));
  }

  private static IllegalArgumentException named(String tensor, IllegalArgumentException e) {
    return new IllegalArgumentException(tensor + ": " + e.getMessage(), e);
  }

  private Report run(Path output, Progress progress) throws IOException {
    List<TensorInfo> stored = new ArrayList<>();
    Map<String, String> values =
        new LinkedHashMap<>(
            options.dequantized() ? reader.metadata() : ParqFile.header(reader.metadata()));
    Map<String, Long> bytesAfter = new LinkedHashMap<>();
    for (TensorInfo tensor : reader.tensors()) {
      int first = stored.size();
      declare(tensor, stored, values);
      bytesAfter.put(tensor.name(), size(stored.subList(first, stored.size())));
    }
    long total = size(reader.tensors());
    long done = 0;
    List<Quantized> results = new ArrayList<>();
    try (SafetensorsWriter writer = SafetensorsWriter.open(output, stored, values)) {
      for (TensorInfo tensor : reader.tensors()) {
        progress.update(done, total, tensor.name());
        QuantConfig config = configs.get(tensor.name());
        if (config == null) {
          writer.put(tensor.name(), reader.bytes(tensor.name()));
        } else {
          double error = quantize(tensor, config, writer);
          List<Long> shape = Arrays.stream(tensor.shape()).boxed().toList();
          long after = bytesAfter.getOrDefault(tensor.name(), 0L);
          results.add(new Quantized(tensor.name(), shape, config, tensor.byteSize(), after, error));
        }
        done += tensor.byteSize();
      }
      writer.commit();
    }
    progress.update(total, total, "");
    int copied = reader.tensors().size() - results.size();
    return new Report(List.copyOf(results), copied, total, size(stored));
  }

  private void declare(TensorInfo tensor, List<TensorInfo> stored, Map<String, String> values) {
    QuantConfig config = configs.get(tensor.name());
    if (config == null) {
      stored.add(tensor);
    } else if (options.dequantized()) {
      stored.add(TensorInfo.of(tensor.name(), DType.F32, tensor.shape()));
    } else {
      ParqFile.declare(tensor.name(), config, tensor.shape(), stored, values);
    }
  }

  private static long size(List<TensorInfo> tensors) {
    return tensors.stream().mapToLong(TensorInfo::byteSize).sum();
  }

  /** Quantizes and writes one tensor; returns the error. */
  private double quantize(TensorInfo tensor, QuantConfig config, SafetensorsWriter writer)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment weights = floats(reader.tensor(tensor.name()), arena);
      QuantizedTensor quantized;
      try {
        quantized = QuantizedTensor.quantize(config, weights, tensor.shape());
      } catch (IllegalArgumentException e) {
        throw named(tensor.name(), e);
      }
      MemorySegment levels = arena.allocate(weights.byteSize(), Long.BYTES);
      quantized.dequantize(levels);
      if (options.dequantized()) {
        writer.put(tensor.name(), levels);
      } else {
        ParqFile.put(writer, tensor.name(), quantized);
      }
      return rmsError(weights, levels);
    }
  }

  static MemorySegment floats(TensorData tensor, Arena arena) {
    if (tensor.dtype() == DType.F32) {
      return tensor.data();
    }
    long elements = tensor.elements();
    MemorySegment widened = arena.allocate(4 * elements, Long.BYTES);
    float[] chunk = new float[(int) Math.min(CHUNK, elements)];
    for (long start = 0; start < elements; start += CHUNK) {
      int length = (int) Math.min(CHUNK, elements - start);
      tensor.toFloats(start, chunk, 0, length);
      MemorySegment.copy(chunk, 0, widened, FLOAT, 4 * start, length);
    }
    return widened;
  }

  private static double rmsError(MemorySegment weights, MemorySegment levels) {
    double sum = 0;
    for (long i = 0; i < weights.byteSize(); i += 4) {
      double difference = (double) weights.get(FLOAT, i) - levels.get(FLOAT, i);
      sum += difference * difference;
    }
    return Math.sqrt(sum * Float.BYTES / weights.byteSize());
  }
}

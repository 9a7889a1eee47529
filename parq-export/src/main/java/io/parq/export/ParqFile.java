package io.parq.export;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.safetensors.SafetensorsException;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The packed safetensors format: a safetensors file in which some tensors are quantized. A
 * quantized tensor {@code P} is stored as its {@linkplain PackedTensor parts}, named {@code
 * P.codes}, {@code P.scales} and so on; the other tensors are stored as they are. The plain values
 * say how to read it:
 *
 * <pre>
 * parq.format    1
 * parq.tensor.P  {"config": "stretched:3 per-row bf16", "shape": [64, 128]}
 * </pre>
 *
 * <p>A reader keeps the file mapped until it is closed. Thread-safe.
 */
public final class ParqFile implements AutoCloseable {
  private static final String PREFIX = "parq.";
  private static final String FORMAT = PREFIX + "format";
  private static final String TENSOR = PREFIX + "tensor.";
  private static final String VERSION = "1";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private record Packed(QuantConfig config, TensorInfo tensor, List<TensorInfo> parts) {}

  private final SafetensorsReader reader;
  private final Map<String, Packed> quantized = new LinkedHashMap<>();
  private final Set<String> others = new LinkedHashSet<>();

  /** Reads a file that the caller, too, may close. */
  ParqFile(SafetensorsReader reader) throws SafetensorsException {
    this.reader = reader;
    if (!VERSION.equals(reader.metadata().get(FORMAT))) {
      throw new SafetensorsException(
          reader.path(),
          "%s is %s, expected %s".formatted(FORMAT, reader.metadata().get(FORMAT), VERSION));
    }
    reader.tensors().forEach(tensor -> others.add(tensor.name()));
    for (Map.Entry<String, String> value : reader.metadata().entrySet()) {
      if (value.getKey().startsWith(TENSOR)) {
        addQuantized(value.getKey().substring(TENSOR.length()), value.getValue());
      }
    }
  }

  private void addQuantized(String name, String json) throws SafetensorsException {
    Packed packed;
    try {
      JsonNode node = JSON.readTree(json);
      long[] shape = shape(node.path("shape"));
      QuantConfig config = QuantConfig.parse(node.path("config").asText());
      packed =
          new Packed(
              config, TensorInfo.of(name, DType.F32, shape), PackedParts.declare(config, shape));
    } catch (JacksonException | IllegalArgumentException | ArithmeticException e) {
      throw fail(name, TENSOR + name + ": " + e.getMessage(), e);
    }
    for (TensorInfo part : packed.parts()) {
      TensorInfo expected = part.named(name + "." + part.name());
      TensorInfo found = reader.find(expected.name());
      if (found == null || !found.toString().equals(expected.toString())) {
        throw new SafetensorsException(
            reader.path(), name, "found part %s, expected %s".formatted(found, expected));
      }
      if (!others.remove(expected.name())) {
        throw new SafetensorsException(
            reader.path(), name, "part %s belongs to two tensors".formatted(expected.name()));
      }
    }
    quantized.put(name, packed);
  }

  private static long[] shape(JsonNode node) {
    long[] shape = new long[node.size()];
    for (int i = 0; i < shape.length; i++) {
      JsonNode dimension = node.get(i);
      if (!node.isArray() || !dimension.isIntegralNumber() || !dimension.canConvertToLong()) {
        throw new IllegalArgumentException("shape " + node + ", expected a list of integers");
      }
      shape[i] = dimension.longValue();
    }
    return shape;
  }

  private SafetensorsException fail(String tensor, String problem, Exception cause) {
    SafetensorsException exception = new SafetensorsException(reader.path(), tensor, problem);
    exception.initCause(cause);
    return exception;
  }

  /**
   * Opens a packed file.
   *
   * @param path a file, index or folder as for {@link SafetensorsReader#open}
   * @return the reader, to be closed by the caller
   * @throws SafetensorsException if the file is not valid, not of this format, or a part of a
   *     quantized tensor is missing or of another type or shape
   * @throws IOException if the file cannot be read
   */
  public static ParqFile open(Path path) throws IOException {
    SafetensorsReader reader = SafetensorsReader.open(path);
    try {
      return new ParqFile(reader);
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /**
   * {@return whether a safetensors file says that it is of this format, in any version}
   *
   * @param reader the file
   */
  public static boolean isPacked(SafetensorsReader reader) {
    return reader.metadata().containsKey(FORMAT);
  }

  /** {@return the names of the quantized tensors} */
  public Set<String> quantizedNames() {
    return Collections.unmodifiableSet(quantized.keySet());
  }

  /** {@return the names of the other tensors} */
  public Set<String> otherNames() {
    return Collections.unmodifiableSet(others);
  }

  /** {@return name, logical shape and type (F32 if quantized) of a tensor} */
  TensorInfo info(String name) {
    Packed packed = quantized.get(name);
    return packed == null ? Objects.requireNonNull(reader.find(name)) : packed.tensor();
  }

  /** {@return how a tensor is quantized, or null} */
  @Nullable QuantConfig config(String name) {
    Packed packed = quantized.get(name);
    return packed == null ? null : packed.config();
  }

  /** {@return the plain values, without those of the format} */
  public Map<String, String> metadata() {
    Map<String, String> values = new LinkedHashMap<>(reader.metadata());
    values.keySet().removeIf(key -> key.startsWith(PREFIX));
    return values;
  }

  /**
   * Views a quantized tensor as it is stored.
   *
   * @param name its name
   * @return the packed tensor, a view of the mapped file
   * @throws SafetensorsException if there is no such quantized tensor
   */
  public PackedTensor packed(String name) throws SafetensorsException {
    Packed packed = quantized.get(name);
    if (packed == null) {
      throw new SafetensorsException(
          reader.path(),
          name,
          "not found, expected one of %d quantized tensors".formatted(quantized.size()));
    }
    Map<String, TensorData> parts = new LinkedHashMap<>();
    for (TensorInfo part : packed.parts()) {
      parts.put(part.name(), reader.tensor(name + "." + part.name()));
    }
    return PackedTensor.of(packed.config(), packed.tensor().shape(), parts);
  }

  /**
   * Unpacks a quantized tensor.
   *
   * @param name its name
   * @return codes and lattice exactly as they were written, in memory of their own
   * @throws SafetensorsException if there is no such quantized tensor, or its codes or scales are
   *     damaged
   */
  public QuantizedTensor quantized(String name) throws SafetensorsException {
    PackedTensor packed = packed(name);
    try {
      return packed.unpack();
    } catch (IllegalArgumentException e) {
      throw fail(name, String.valueOf(e.getMessage()), e);
    }
  }

  /** Prepares to read a quantized tensor piece by piece; damaged codes are found then. */
  TensorCodes codes(String name) throws SafetensorsException {
    PackedTensor packed = packed(name);
    PackedCodes codes;
    try {
      codes = packed.codes();
    } catch (IllegalArgumentException e) {
      throw fail(name, String.valueOf(e.getMessage()), e);
    }
    return new TensorCodes() {
      @Override
      public Lattice lattice() {
        return codes.lattice();
      }

      @Override
      public void codes(long start, byte[] out, int from, int length) throws IOException {
        try {
          codes.read(start, out, from, length);
        } catch (IllegalArgumentException e) {
          throw fail(name, String.valueOf(e.getMessage()), e);
        }
      }
    };
  }

  /**
   * Views a tensor that is not quantized.
   *
   * @param name its name
   * @return a read-only view of the mapped file, valid until this reader is closed
   * @throws SafetensorsException if there is no such tensor or its element type is unknown
   */
  public TensorData other(String name) throws SafetensorsException {
    if (!others.contains(name)) {
      throw new SafetensorsException(
          reader.path(),
          name,
          "not found, expected one of %d unquantized tensors".formatted(others.size()));
    }
    return reader.tensor(name);
  }

  /** Unmaps the file; views fail from now on. */
  @Override
  public void close() {
    reader.close();
  }

  /**
   * Writes a packed file, atomically. Every quantized tensor is decoded again and compared before
   * the file gets its name.
   *
   * @param file the file; an existing one is replaced
   * @param quantized quantized tensors by name
   * @param others other tensors by name
   * @param metadata plain values; keys that begin with {@code parq.} belong to the format
   * @throws IllegalArgumentException if a scale is not exactly a value of its scale type (the
   *     message names tensor and block), two stored tensors would have one name, or a key is the
   *     format's
   * @throws IOException if writing fails; an existing file is then unchanged
   */
  public static void write(
      Path file,
      Map<String, QuantizedTensor> quantized,
      Map<String, TensorData> others,
      Map<String, String> metadata)
      throws IOException {
    Map<String, String> values = header(metadata);
    List<TensorInfo> stored = new ArrayList<>();
    quantized.forEach(
        (name, tensor) -> declare(name, tensor.lattice().config(), tensor.shape(), stored, values));
    others.forEach((name, tensor) -> stored.add(TensorInfo.of(name, tensor)));
    try (SafetensorsWriter writer = SafetensorsWriter.open(file, stored, values)) {
      for (Map.Entry<String, QuantizedTensor> entry : quantized.entrySet()) {
        put(writer, entry.getKey(), entry.getValue());
      }
      for (Map.Entry<String, TensorData> entry : others.entrySet()) {
        writer.put(entry.getKey(), entry.getValue().data());
      }
      writer.commit();
    }
  }

  /** {@return plain values with the format's version added} */
  static Map<String, String> header(Map<String, String> metadata) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put(FORMAT, VERSION);
    metadata.forEach(
        (key, value) -> {
          if (key.startsWith(PREFIX)) {
            throw new IllegalArgumentException(
                "metadata key '%s', expected none that begins with %s".formatted(key, PREFIX));
          }
          values.put(key, value);
        });
    return values;
  }

  /** Adds the parts of a tensor to come, and the value that describes it. */
  static void declare(
      String name,
      QuantConfig config,
      long[] shape,
      List<TensorInfo> stored,
      Map<String, String> values) {
    for (TensorInfo part : PackedParts.declare(config, shape)) {
      stored.add(part.named(name + "." + part.name()));
    }
    ObjectNode json = JSON.createObjectNode().put("config", config.toString());
    ArrayNode dimensions = json.putArray("shape");
    for (long dimension : shape) {
      dimensions.add(dimension);
    }
    values.put(TENSOR + name, json.toString());
  }

  /** Packs a declared tensor and writes its parts. */
  static void put(SafetensorsWriter writer, String name, QuantizedTensor tensor)
      throws IOException {
    PackedTensor packed;
    try {
      packed = PackedTensor.pack(tensor);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
    for (Map.Entry<String, TensorData> part : packed.parts().entrySet()) {
      writer.put(name + "." + part.getKey(), part.getValue().data());
    }
  }

  /** The same without a check of codes, for a file that is going to be compared. */
  static void put(SafetensorsWriter writer, String name, TensorCodes tensor) throws IOException {
    try {
      writer.put(name + "." + PackedParts.CODES, new PackedCodes.Pieces(tensor));
      for (Map.Entry<String, TensorData> part : PackedParts.encode(tensor.lattice()).entrySet()) {
        writer.put(name + "." + part.getKey(), part.getValue().data());
      }
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
  }
}

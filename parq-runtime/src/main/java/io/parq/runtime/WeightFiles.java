package io.parq.runtime;

import io.parq.export.ParqFile;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The weights of a model, packed or plain, under Hugging Face's names for a text model. */
final class WeightFiles implements Weights, AutoCloseable {
  private final Path path;
  private final SafetensorsReader reader;
  private final @Nullable ParqFile packed;

  /** Stored names by those of a text model. */
  private final Map<String, String> names = new LinkedHashMap<>();

  private WeightFiles(Path path, SafetensorsReader reader, @Nullable ParqFile packed) {
    this.path = path;
    this.reader = reader;
    this.packed = packed;
  }

  static WeightFiles open(Path path) throws IOException {
    SafetensorsReader reader = SafetensorsReader.open(path);
    try {
      boolean isPacked = ParqFile.isPacked(reader);
      WeightFiles files = new WeightFiles(path, reader, isPacked ? ParqFile.open(path) : null);
      if (files.packed == null) {
        reader.tensors().forEach(tensor -> files.names.put(text(tensor.name()), tensor.name()));
      } else {
        files.packed.quantizedNames().forEach(name -> files.names.put(text(name), name));
        files.packed.otherNames().forEach(name -> files.names.put(text(name), name));
      }
      return files;
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /** The name within a text model of what may be a part of a larger one. */
  private static String text(String name) {
    for (String prefix : new String[] {"language_model.model.", "model.language_model."}) {
      if (name.startsWith(prefix)) {
        return "model." + name.substring(prefix.length());
      }
    }
    return name.startsWith("language_model.lm_head.")
        ? name.substring("language_model.".length())
        : name;
  }

  Map<String, String> metadata() {
    return reader.metadata();
  }

  /** Repacks a matrix. */
  @Override
  public PackedMatrix matrix(String name, int rows, int columns) throws IOException {
    String stored = stored(name);
    boolean quantized = packed != null && packed.quantizedNames().contains(stored);
    try {
      if (packed != null && quantized) {
        check(name, packed.packed(stored).shape(), rows, columns);
        return PackedMatrix.of(packed.quantized(stored));
      }
      TensorData tensor = plain(stored);
      check(name, tensor.shape(), rows, columns);
      return PackedMatrix.of(tensor);
    } catch (IllegalArgumentException e) {
      throw new IOException("%s: %s: %s".formatted(path, name, e.getMessage()), e);
    }
  }

  /** Widens a vector. */
  @Override
  public float[] vector(String name, int length) throws IOException {
    String stored = stored(name);
    boolean quantized = packed != null && packed.quantizedNames().contains(stored);
    if (packed != null && quantized) {
      check(name, packed.packed(stored).shape(), length);
      return packed.quantized(stored).dequantize();
    }
    TensorData tensor = plain(stored);
    check(name, tensor.shape(), length);
    return tensor.toFloats();
  }

  private TensorData plain(String stored) throws IOException {
    return packed == null ? reader.tensor(stored) : packed.other(stored);
  }

  private String stored(String name) throws IOException {
    String stored = names.get(name);
    if (stored == null) {
      throw new IOException(
          "%s: %s: not found, expected one of %d tensors".formatted(path, name, names.size()));
    }
    return stored;
  }

  private void check(String name, long[] shape, long... expected) throws IOException {
    if (!Arrays.equals(shape, expected)) {
      throw new IOException(
          "%s: %s: shape %s, expected %s"
              .formatted(path, name, Arrays.toString(shape), Arrays.toString(expected)));
    }
  }

  @Override
  public void close() {
    reader.close();
    if (packed != null) {
      packed.close();
    }
  }
}

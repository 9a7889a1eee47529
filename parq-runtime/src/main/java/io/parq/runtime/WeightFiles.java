package io.parq.runtime;

import io.parq.export.ModelFiles;
import io.parq.export.ModelReader;
import io.parq.export.PackedSource;
import io.parq.export.SourceReader;
import io.parq.export.floats.FloatsReader;
import io.parq.export.formats.Formats;
import io.parq.export.gguf.GgufReader;
import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files of a model in any format: weights under Hugging Face's names for a text model, its
 * configuration and its tokenizer.
 */
final class WeightFiles implements Weights, AutoCloseable {
  private final Path path;
  private final TensorSource source;
  private final TextFiles texts;
  private final @Nullable String ownConfig;
  private @Nullable MatrixCache cache;

  /** Nanoseconds that repacking took. */
  private long repacking;

  /** Stored names by those of a text model. */
  private final Map<String, String> names = new LinkedHashMap<>();

  private WeightFiles(Path path, TensorSource source, TextFiles texts, @Nullable String ownConfig) {
    this.path = path;
    this.source = source;
    this.texts = texts;
    this.ownConfig = ownConfig;
    source.names().forEach(name -> names.put(text(name), name));
  }

  /**
   * Opens a model.
   *
   * @param folder of the configuration and the tokenizer, or null for the model's own
   */
  static WeightFiles open(Path path, @Nullable Path folder) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "expected a model");
    }
    ModelReader reader = Formats.open(path);
    try {
      if (reader instanceof SourceReader || reader instanceof FloatsReader) {
        reader.close();
        return safetensors(path, folder);
      }
      TextFiles texts =
          folder == null && reader instanceof GgufReader gguf
              ? TextFiles.of(path, gguf.files())
              : TextFiles.of(folder == null ? beside(path) : folder);
      return new WeightFiles(path, new ReaderSource(reader), texts, null);
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  private static WeightFiles safetensors(Path path, @Nullable Path folder) throws IOException {
    Path packed = path.resolve(PackedSource.FILE);
    Path own = Files.isDirectory(path) ? beside(path) : path;
    Path weights = Files.isRegularFile(packed) ? packed : own;
    SafetensorsSource source = SafetensorsSource.open(weights);
    String config = folder == null ? source.metadata().get(ModelFiles.CONFIG) : null;
    TextFiles texts = TextFiles.of(folder == null ? beside(path) : folder);
    return new WeightFiles(weights, source, texts, config);
  }

  /** The folder with the small files: a model's own, or {@code model} in or beside it. */
  private static Path beside(Path path) {
    Path parent = path.toAbsolutePath().getParent();
    Path own = Files.isDirectory(path) || parent == null ? path : parent;
    Path part = own.resolve("model");
    boolean inPart =
        !Files.exists(own.resolve(ModelFiles.CONFIG))
            && Files.exists(part.resolve(ModelFiles.CONFIG));
    return inPart ? part : own;
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

  TextFiles texts() {
    return texts;
  }

  /** What the model looks like: the weights' own word comes before that of a file beside them. */
  ModelConfig config() throws IOException {
    String json = ownConfig == null ? texts.read(ModelFiles.CONFIG) : ownConfig;
    String place = ownConfig == null ? texts.place(ModelFiles.CONFIG) : path.toString();
    if (json == null) {
      throw new NoSuchFileException(place, null, "expected the model's configuration");
    }
    try {
      return ModelConfig.parse(json);
    } catch (IllegalArgumentException e) {
      throw new IOException(place + ": " + e.getMessage(), e);
    }
  }

  /** Takes matrices from a cache from now on, as far as it has them. */
  void useCache(@Nullable Path folder) throws IOException {
    cache = MatrixCache.open(path, folder);
  }

  /** Whether all matrices came from the cache. */
  boolean isCached() {
    return cache != null && cache.isComplete();
  }

  /** Writes the cache if that saves some time. */
  void writeCache(long worth) {
    if (cache != null && repacking >= worth) {
      cache.write();
    }
  }

  /** Repacks a matrix, or takes it from the cache. */
  @Override
  public PackedMatrix matrix(String name, int rows, int columns) throws IOException {
    String stored = stored(name);
    check(name, source.shape(stored), rows, columns);
    PackedMatrix cached = cache == null ? null : cache.get(name, rows, columns);
    if (cached != null) {
      return cached;
    }
    long start = System.nanoTime();
    PackedMatrix matrix = repacked(name, stored);
    repacking += System.nanoTime() - start;
    if (cache != null) {
      cache.add(name, matrix);
    }
    return matrix;
  }

  private PackedMatrix repacked(String name, String stored) throws IOException {
    try {
      QuantizedTensor quantized = source.quantized(stored);
      return quantized == null ? PackedMatrix.of(source.plain(stored)) : PackedMatrix.of(quantized);
    } catch (IllegalArgumentException e) {
      throw new IOException("%s: %s: %s".formatted(path, name, e.getMessage()), e);
    }
  }

  /** Widens a vector. */
  @Override
  public float[] vector(String name, int length) throws IOException {
    String stored = stored(name);
    check(name, source.shape(stored), length);
    QuantizedTensor quantized = source.quantized(stored);
    return quantized == null ? floats(name, source.plain(stored)) : quantized.dequantize();
  }

  private float[] floats(String name, TensorData tensor) throws IOException {
    if (!tensor.dtype().isFloat()) {
      throw new IOException("%s: %s: %s, expected floats".formatted(path, name, tensor.dtype()));
    }
    return tensor.toFloats();
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
  public void close() throws IOException {
    source.close();
  }
}

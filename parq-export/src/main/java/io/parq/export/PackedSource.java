package io.parq.export;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A trained model: the codes and scales of a {@link ParqFile}, and the folder beside it. */
public final class PackedSource implements ModelSource {
  /** The name of the packed file in the folder of a training run. */
  public static final String FILE = "model.parq.safetensors";

  private static final String MODEL = "model";

  private final Path file;
  private final ParqFile packed;
  private final @Nullable Path folder;

  private PackedSource(Path file, ParqFile packed, @Nullable Path folder) {
    this.file = file;
    this.packed = packed;
    this.folder = folder;
  }

  /**
   * {@return the packed file that a path leads to, or null}
   *
   * @param path a file, or a folder: of a training run, or the Hugging Face folder in one
   */
  public static @Nullable Path locate(Path path) {
    if (Files.isRegularFile(path)) {
      return path;
    }
    Path parent = path.toAbsolutePath().normalize().getParent();
    boolean inRun = path.toAbsolutePath().normalize().endsWith(MODEL) && parent != null;
    return Stream.of(path, inRun && parent != null ? parent : path)
        .map(place -> place.resolve(FILE))
        .filter(Files::isRegularFile)
        .findFirst()
        .orElse(null);
  }

  /**
   * Opens a trained model. Its config and tokenizer are those of a folder {@code model} beside the
   * packed file, or of the folder that the file is in.
   *
   * @param path the packed file, or the folder of a training run, or the Hugging Face folder in one
   * @return the model, to be closed by the caller
   * @throws IOException if there is no valid packed file
   */
  public static PackedSource open(Path path) throws IOException {
    Path file = locate(path);
    if (file == null) {
      throw new NoSuchFileException(path.resolve(FILE).toString());
    }
    Path parent = file.toAbsolutePath().getParent();
    Path folder =
        parent == null
            ? null
            : Stream.of(parent.resolve(MODEL), parent)
                .filter(place -> Files.isRegularFile(place.resolve(ModelFiles.CONFIG)))
                .findFirst()
                .orElse(null);
    return new PackedSource(file, ParqFile.open(file), folder);
  }

  /** Views a packed file alone, and closes it if it cannot. */
  static PackedSource of(SafetensorsReader reader) throws IOException {
    try {
      return new PackedSource(reader.path(), new ParqFile(reader), null);
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if there is none beside the packed file
   */
  @Override
  public Path folder() {
    if (folder == null) {
      throw new IllegalStateException(
          "%s: found no %s, expected one beside the file or in a folder %s beside it"
              .formatted(file, ModelFiles.CONFIG, MODEL));
    }
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    List<TensorInfo> tensors = new ArrayList<>();
    for (String name : packed.quantizedNames()) {
      tensors.add(packed.info(name));
    }
    for (String name : packed.otherNames()) {
      tensors.add(packed.info(name));
    }
    return tensors;
  }

  @Override
  public @Nullable QuantConfig config(String name) {
    return packed.config(name);
  }

  @Override
  public QuantizedTensor quantized(String name) throws IOException {
    return packed.quantized(name);
  }

  @Override
  public TensorData plain(String name) throws IOException {
    TensorData tensor = packed.other(name);
    DType dtype = tensor.dtype();
    if (!dtype.isFloat()) {
      throw new IOException("%s: %s: %s, expected floats".formatted(file, name, dtype));
    }
    return tensor;
  }

  @Override
  public TensorCodes codes(String name) throws IOException {
    return packed.codes(name);
  }

  @Override
  public void close() {
    packed.close();
  }
}

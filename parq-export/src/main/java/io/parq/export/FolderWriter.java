package io.parq.export;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import io.parq.grids.Target.Refused;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a model as a Hugging Face folder: weights in one or several safetensors files, {@code
 * config.json}, the tokenizer's files. What stands in the weights' files is the subclass's matter.
 */
public abstract class FolderWriter implements ModelWriter {
  /** Bytes of data above which weights are spread over several files. */
  public static final long SHARD_BYTES = 5_000_000_000L;

  private final long maxShardBytes;

  /**
   * Remembers the size of a file.
   *
   * @param maxShardBytes bytes of data in a file of weights, at least 1; if there are more, they
   *     are spread over several files with an index
   * @throws IllegalArgumentException if {@code maxShardBytes} is below 1
   */
  protected FolderWriter(long maxShardBytes) {
    if (maxShardBytes < 1) {
      throw new IllegalArgumentException(
          "shards of %d bytes, expected at least 1".formatted(maxShardBytes));
    }
    this.maxShardBytes = maxShardBytes;
  }

  /**
   * Checks what a target cannot know, before anything is written.
   *
   * @param model the model; its target holds all tensors
   * @throws IllegalArgumentException if what reads the folder would go wrong
   * @throws IOException if the model's config cannot be read
   */
  protected void check(ModelSource model) throws IOException {}

  /**
   * {@return what is stored of a tensor}
   *
   * @param tensor its name and logical shape
   * @param config how it is quantized, or null
   */
  protected abstract List<TensorInfo> declare(TensorInfo tensor, @Nullable QuantConfig config);

  /**
   * {@return the plain values of the files}
   *
   * @param model the model
   */
  protected abstract Map<String, String> metadata(ModelSource model);

  /**
   * Writes the declared parts of a tensor; other threads write other ones.
   *
   * @param model the model
   * @param tensor name and logical shape
   * @param out takes the parts
   * @return the tensor's values
   * @throws IOException if reading or writing fails
   */
  protected abstract TensorValues put(ModelSource model, TensorInfo tensor, SafetensorsWriter out)
      throws IOException;

  /**
   * Writes {@code config.json}.
   *
   * @param from the model's folder
   * @param to an existing folder
   * @throws IOException if reading or writing fails
   */
  protected abstract void config(Path from, Path to) throws IOException;

  /**
   * {@return a reader of what is written}
   *
   * @param files the files of weights; closed with the reader
   * @throws IOException if they are not valid
   */
  protected abstract ModelReader open(SafetensorsReader files) throws IOException;

  @Override
  public final void write(ModelSource model, Path out, Progress progress) throws IOException {
    checkHeld(model, target());
    check(model);
    try (AtomicFolder folder = AtomicFolder.create(out)) {
      config(model.folder(), folder.path());
      ModelFiles.copyCompanions(model.folder(), folder.path());
      try (SafetensorsWriter writer = writer(folder.path(), model)) {
        try (ModelReader reader = open(writer.reader())) {
          TensorWork.write(
              model.tensors(),
              tensor -> tensor,
              progress,
              reader,
              tensor -> put(model, tensor, writer));
        }
        writer.commit();
      }
      folder.commit();
    }
  }

  private SafetensorsWriter writer(Path folder, ModelSource model) throws IOException {
    List<TensorInfo> stored = new ArrayList<>();
    model.tensors().forEach(tensor -> stored.addAll(declare(tensor, model.config(tensor.name()))));
    Map<String, String> values = new LinkedHashMap<>();
    values.put("format", "pt"); // transformers reads only files that say so
    values.putAll(metadata(model));
    return stored.stream().mapToLong(TensorInfo::byteSize).sum() <= maxShardBytes
        ? SafetensorsWriter.open(folder.resolve("model.safetensors"), stored, values)
        : SafetensorsWriter.openSharded(folder, stored, values, maxShardBytes);
  }

  /**
   * Checks that a format can hold a model.
   *
   * @param model the model
   * @param target what the format can hold
   * @throws IllegalArgumentException if it cannot; the message names all tensors that it refuses,
   *     and why
   */
  static void checkHeld(ModelSource model, Target target) {
    List<String> problems = new ArrayList<>();
    for (TensorInfo tensor : model.tensors()) {
      QuantConfig config = model.config(tensor.name());
      if (config != null && target.holding(config, tensor.shape()) instanceof Refused(String why)) {
        problems.add("%s (%s): %s".formatted(tensor.name(), config, why));
      }
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          "%s cannot hold %d tensors exactly:%n  %s"
              .formatted(
                  target.name(),
                  problems.size(),
                  String.join(System.lineSeparator() + "  ", problems)));
    }
  }
}

package io.parq.export;

import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes the packed safetensors format, a {@link ParqFile}. Its plain value {@code config.json} is
 * the model's config; the tokenizer is not in it.
 */
public final class ParqWriter implements ModelWriter {
  /** Makes the writer. */
  public ParqWriter() {}

  @Override
  public Target target() {
    return new ParqTarget();
  }

  @Override
  public void write(ModelSource model, Path out, Progress progress) throws IOException {
    if (Files.exists(out)) {
      throw new FileAlreadyExistsException(out.toString());
    }
    FolderWriter.checkHeld(model, target());
    Path absolute = out.toAbsolutePath();
    // A folder of its own until the bytes have been read back.
    try (AtomicFolder folder =
        AtomicFolder.create(absolute.resolveSibling(absolute.getFileName() + ".writing"))) {
      Path file = folder.path().resolve(PackedSource.FILE);
      pack(model, file, TensorWork.firstHalf(progress));
      try (ModelReader reader = new SourceReader(PackedSource.open(file))) {
        Difference.check(
            model,
            reader,
            TensorWork.secondHalf(
                progress, model.tensors().stream().mapToLong(TensorInfo::byteSize).sum()));
      }
      Files.move(file, absolute, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static void pack(ModelSource model, Path file, Progress progress) throws IOException {
    Path config = model.folder().resolve(ModelFiles.CONFIG);
    Map<String, String> values =
        ParqFile.header(Map.of(ModelFiles.CONFIG, Files.readString(config)));
    List<TensorInfo> stored = new ArrayList<>();
    for (TensorInfo tensor : model.tensors()) {
      QuantConfig own = model.config(tensor.name());
      if (own == null) {
        stored.add(tensor);
      } else {
        ParqFile.declare(tensor.name(), own, tensor.shape(), stored, values);
      }
    }
    try (SafetensorsWriter writer = SafetensorsWriter.open(file, stored, values)) {
      TensorWork.forEach(
          model.tensors(),
          TensorInfo::name,
          TensorInfo::byteSize,
          progress,
          tensor -> put(model, tensor.name(), writer));
      writer.commit();
    }
  }

  private static void put(ModelSource model, String name, SafetensorsWriter writer)
      throws IOException {
    if (model.config(name) == null) {
      writer.put(name, model.plain(name).data());
    } else {
      ParqFile.put(writer, name, model.quantized(name));
    }
  }
}

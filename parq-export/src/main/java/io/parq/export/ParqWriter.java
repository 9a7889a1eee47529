package io.parq.export;

import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    try (SafetensorsWriter writer = SafetensorsWriter.open(out, stored, values)) {
      try (ModelReader reader = new SourceReader(PackedSource.of(writer.reader()))) {
        TensorWork.write(
            model.tensors(),
            tensor -> tensor,
            progress,
            reader,
            tensor -> put(model, tensor.name(), writer));
      }
      writer.commit();
    }
  }

  private static TensorValues put(ModelSource model, String name, SafetensorsWriter writer)
      throws IOException {
    if (model.config(name) == null) {
      TensorData plain = model.plain(name);
      writer.put(name, plain.data());
      return plain::toFloats;
    }
    TensorCodes tensor = model.codes(name);
    ParqFile.put(writer, name, tensor);
    return tensor;
  }
}

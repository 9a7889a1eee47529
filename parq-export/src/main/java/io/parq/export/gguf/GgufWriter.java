package io.parq.export.gguf;

import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.TensorWork;
import io.parq.export.model.ModelConfig;
import io.parq.export.safetensors.AtomicFile;
import io.parq.grids.Target;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Writes whole models for llama.cpp: values of the header from config.json, the tokenizer, and the
 * tensors. Llama, qwen2, qwen3, phi3 and gemma3 are known.
 *
 * <p>A quantized tensor gets the encoding that {@link GgufTarget} names. The others keep their type
 * if they are matrices; norms and biases become F32, without loss. A tied head is not written.
 *
 * <p>Norms of gemma are stored with the 1 that the model adds to them, so a single-precision norm
 * is rounded there as the model rounds it.
 */
public final class GgufWriter implements ModelWriter {
  private final GgufTarget target = new GgufTarget();

  /** Makes a writer, which holds nothing. */
  public GgufWriter() {}

  @Override
  public Target target() {
    return target;
  }

  @Override
  public void write(ModelSource model, Path out, Progress progress) throws IOException {
    if (Files.exists(out)) {
      throw new FileAlreadyExistsException(out.toString());
    }
    ModelConfig config = ModelConfig.read(model.folder());
    RopeMetadata rope = new RopeMetadata(config);
    DecoderMetadata.check(config);
    rope.check();
    FilePlan plan = FilePlan.of(model, target, config);
    Metadata metadata = new Metadata();
    metadata.put("general.architecture", config.family().toString());
    metadata.put("general.type", "model");
    metadata.put("general.alignment", Header.ALIGNMENT);
    metadata.put("general.quantization_version", 2);
    metadata.put("general.file_type", plan.fileType());
    DecoderMetadata.put(config, metadata);
    rope.put(metadata);
    Vocabulary.put(model.folder(), config, metadata);
    plan.addOwn(rope.tensors());
    write(model, out, plan, metadata, progress);
  }

  private static void write(
      ModelSource model, Path out, FilePlan plan, Metadata metadata, Progress progress)
      throws IOException {
    byte[] header = metadata.header(plan.entries());
    try (AtomicFile file = new AtomicFile(out)) {
      // As long as it is going to be from the start, so that it can be read while it is written.
      long end = header.length + plan.dataBytes();
      file.write(MemorySegment.ofArray(new byte[1]), end - 1);
      file.write(MemorySegment.ofArray(header), 0);
      try (GgufReader reader = GgufReader.open(file.temporary())) {
        for (Map.Entry<Header.Entry, List<Float>> own : plan.own().entrySet()) {
          file.write(floats(own.getValue()), header.length + own.getKey().offset());
        }
        TensorWork.write(
            plan.items(),
            FilePlan.Item::info,
            progress,
            reader,
            item -> new TensorWriter(model, item, file, header.length).write());
      }
      file.force();
      file.move();
    }
    Path folder = out.toAbsolutePath().getParent();
    if (folder != null) {
      AtomicFile.forceFolder(folder);
    }
  }

  private static MemorySegment floats(List<Float> values) {
    byte[] bytes = new byte[4 * values.size()];
    for (int i = 0; i < values.size(); i++) {
      Bytes.putInt(bytes, 4 * i, Float.floatToRawIntBits(values.get(i)));
    }
    return MemorySegment.ofArray(bytes);
  }
}

package io.parq.export.formats;

import io.parq.export.FolderSource;
import io.parq.export.ModelFiles;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.PackedSource;
import io.parq.export.ParqFile;
import io.parq.export.ParqTarget;
import io.parq.export.ParqWriter;
import io.parq.export.SourceReader;
import io.parq.export.floats.FloatsReader;
import io.parq.export.floats.FloatsTarget;
import io.parq.export.floats.FloatsWriter;
import io.parq.export.gguf.GgufReader;
import io.parq.export.gguf.GgufTarget;
import io.parq.export.gguf.GgufWriter;
import io.parq.export.onnx.OnnxReader;
import io.parq.export.onnx.OnnxTarget;
import io.parq.export.onnx.OnnxWriter;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.torchao.TorchaoReader;
import io.parq.export.torchao.TorchaoTarget;
import io.parq.export.torchao.TorchaoWriter;
import io.parq.grids.DType;
import io.parq.grids.Target;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/** All formats that models are written in, by the names of their targets, and what reads them. */
public final class Formats {
  private record Format(Supplier<Target> target, Function<WriteOptions, ModelWriter> writer) {}

  private static final Map<String, Format> FORMATS = new LinkedHashMap<>();

  static {
    FORMATS.put("gguf", new Format(GgufTarget::new, _ -> new GgufWriter()));
    FORMATS.put(
        "onnx",
        new Format(
            OnnxTarget::new, options -> new OnnxWriter(new OnnxTarget(options.accuracyLevel()))));
    FORMATS.put(
        "torchao",
        new Format(
            TorchaoTarget::new,
            options -> new TorchaoWriter(options.activations(), options.maxShardBytes())));
    FORMATS.put(
        "safetensors",
        new Format(
            () -> new FloatsTarget(DType.F32),
            options -> new FloatsWriter(options.dtype(), options.maxShardBytes())));
    FORMATS.put("parq", new Format(ParqTarget::new, _ -> new ParqWriter()));
  }

  private Formats() {}

  /** {@return the names of all targets} */
  public static Set<String> names() {
    return Collections.unmodifiableSet(FORMATS.keySet());
  }

  /**
   * {@return what a format can hold}
   *
   * @param name the name of a target
   * @throws IllegalArgumentException if there is none of this name
   */
  public static Target target(String name) {
    return format(name).target().get();
  }

  /**
   * {@return a writer}
   *
   * @param name the name of a target
   * @param options what the caller may choose; a format leaves alone what it does not know
   * @throws IllegalArgumentException if there is no target of this name, or the format does not
   *     take the options
   */
  public static ModelWriter writer(String name, WriteOptions options) {
    return format(name).writer().apply(options);
  }

  private static Format format(String name) {
    Format format = FORMATS.get(name);
    if (format == null) {
      throw new IllegalArgumentException(
          "target '%s', expected one of %s".formatted(name, String.join(", ", FORMATS.keySet())));
    }
    return format;
  }

  /**
   * Opens what was trained here, or any Hugging Face folder as it is.
   *
   * @param path the folder of a training run, the Hugging Face folder in one, a packed file, or any
   *     other Hugging Face folder
   * @return the model, to be closed by the caller
   * @throws IOException if there is none
   */
  public static ModelSource source(Path path) throws IOException {
    Path packed = PackedSource.locate(path);
    return packed != null && isPacked(packed)
        ? PackedSource.open(packed)
        : FolderSource.open(inRun(path));
  }

  /** The Hugging Face folder of a run that quantized nothing, or the path itself. */
  private static Path inRun(Path path) {
    Path model = path.resolve("model");
    boolean isModel = Files.isRegularFile(path.resolve(ModelFiles.CONFIG));
    return !isModel && Files.isRegularFile(model.resolve(ModelFiles.CONFIG)) ? model : path;
  }

  private static boolean isPacked(Path file) throws IOException {
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      return ParqFile.isPacked(reader);
    }
  }

  /**
   * Opens a model in any format, whoever wrote it.
   *
   * @param path a file, or a folder where the format is one, or the folder of a training run
   * @return the reader, to be closed by the caller
   * @throws IOException if it cannot be read or is of no format that is known
   */
  public static ModelReader open(Path path) throws IOException {
    if (isGguf(path)) {
      return GgufReader.open(path);
    }
    if (isOnnx(path)) {
      return OnnxReader.open(path);
    }
    Path packed = path.resolve(PackedSource.FILE);
    Path found = Files.isRegularFile(packed) ? packed : inRun(path);
    try (SafetensorsReader reader = SafetensorsReader.open(found)) {
      if (ParqFile.isPacked(reader)) {
        return new SourceReader(PackedSource.open(found));
      }
      if (TorchaoReader.isTorchao(reader)) {
        return TorchaoReader.open(found);
      }
    }
    return FloatsReader.open(found);
  }

  private static boolean isGguf(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(path)) {
      return Arrays.equals(in.readNBytes(4), "GGUF".getBytes(StandardCharsets.US_ASCII));
    }
  }

  private static boolean isOnnx(Path path) {
    return path.toString().endsWith(".onnx") || Files.isRegularFile(path.resolve(OnnxWriter.GRAPH));
  }
}

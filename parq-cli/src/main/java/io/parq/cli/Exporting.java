package io.parq.cli;

import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.Target.Exact;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is common to the commands that write a model in some format. */
final class Exporting {
  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      converter = Converters.Activations.class,
      description =
          "torchao: how the runtime rounds the inputs of linear layers: int8-asym-per-token;"
              + " default: not at all")
  private @Nullable ActivationQuantization activations;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "float32",
      converter = Converters.Floats.class,
      description =
          "safetensors: type of the weights, float32 or bfloat16 (default: ${DEFAULT-VALUE})")
  private DType dtype = DType.F32;

  @Option(
      names = "--shard-size",
      paramLabel = "MB",
      description =
          "torchao, safetensors: megabytes of a file of weights, above which there are several"
              + " (default: 5000)")
  private @Nullable Long shardMegabytes;

  @Option(
      names = "--accuracy-level",
      paramLabel = "0|4",
      defaultValue = "0",
      description = "onnx: 0 for float activations, 4 for 8-bit ones (default: ${DEFAULT-VALUE})")
  private int accuracyLevel;

  @Option(names = "--force", description = "replace the output if it exists")
  boolean force;

  private static final long MEGABYTE = 1_000_000;

  private WriteOptions options() {
    WriteOptions options =
        WriteOptions.DEFAULT
            .withActivations(activations)
            .withDtype(dtype)
            .withAccuracyLevel(accuracyLevel);
    return shardMegabytes == null
        ? options
        : options.withMaxShardBytes(Math.multiplyExact(shardMegabytes, MEGABYTE));
  }

  /** Writes a model, and says what became of it. */
  void write(ModelSource model, String target, Path path, PrintWriter out) throws IOException {
    ModelWriter writer = Formats.writer(target, options());
    if (Files.exists(path) && !force) {
      throw new FileAlreadyExistsException(path.toString());
    }
    Path parent = path.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    write(model, writer, path);
    print(model, writer, path, out);
  }

  /** Writes a model; one that is there already is replaced when the new one is complete. */
  static void write(ModelSource model, ModelWriter writer, Path path) throws IOException {
    FileTree.checkFlat(path);
    boolean replaces = Files.exists(path);
    Path fresh =
        replaces
            ? path.resolveSibling(path.getFileName() + "." + UUID.randomUUID() + ".new")
            : path;
    try (TransferBar bar = new TransferBar("export")) {
      writer.write(model, fresh, bar);
    }
    if (replaces) {
      FileTree.delete(path);
      Files.move(fresh, path);
    }
  }

  private static void print(ModelSource model, ModelWriter writer, Path path, PrintWriter out)
      throws IOException {
    List<TensorInfo> tensors = model.tensors();
    int width = tensors.stream().mapToInt(tensor -> tensor.name().length()).max().orElse(0);
    int quantized = 0;
    long floats = 0;
    for (TensorInfo tensor : tensors) {
      floats += 4 * tensor.elements();
      QuantConfig config = model.config(tensor.name());
      if (config != null
          && writer.target().holding(config, tensor.shape())
              instanceof Exact(String encoding, double bits)) {
        quantized++;
        List<Long> shape = new ArrayList<>();
        for (long dimension : tensor.shape()) {
          shape.add(dimension);
        }
        out.printf(
            Locale.ROOT,
            "%-" + width + "s  %-14s %-30s %-12s %6.2f bits%n",
            tensor.name(),
            Sizes.shape(shape),
            config,
            encoding,
            bits);
      }
    }
    out.printf(
        Locale.ROOT,
        "%s: %s, %d tensors quantized, %d not, %s (as float32 %s)%n",
        path,
        writer.target().name(),
        quantized,
        tensors.size() - quantized,
        Sizes.bytes(Sizes.onDisk(path)),
        Sizes.bytes(floats));
    out.flush();
  }
}

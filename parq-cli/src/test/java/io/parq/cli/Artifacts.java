package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.parq.export.ModelSource;
import io.parq.export.SourceReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.grids.UniformGrid;
import io.parq.torch.CausalLm;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** Exported models, and beside them what the software that loads them should find. */
final class Artifacts {
  private static final Path FOLDER = PythonVenv.FOLDER.resolve("artifacts");
  private static final int VOCABULARY = 96;
  private static final int TOKENS = 12;

  private Artifacts() {}

  /** An empty folder of this name. */
  static Path folder(String name) throws IOException {
    Path folder = FOLDER.resolve(name);
    if (Files.exists(folder)) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
    return Files.createDirectories(folder);
  }

  /** Runs a command, which must succeed, and returns what it printed. */
  static String parq(Object... args) {
    CommandRun run = new CommandRun();
    assertEquals(0, run.parq(args), () -> Arrays.toString(args) + ": " + run.err);
    return run.out;
  }

  /** Writes what the consumer should find, in the layout that its script describes. */
  static void expect(ModelSource model, Path file, boolean logits) throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (TensorInfo tensor : model.tensors()) {
      String name = tensor.name();
      if (model.config(name) == null) {
        TensorData plain = model.plain(name);
        tensors.put("values/" + name, TensorData.of(plain.toFloats(), plain.shape()));
        continue;
      }
      QuantizedTensor quantized = model.quantized(name);
      tensors.put("values/" + name, TensorData.of(quantized.dequantize(), tensor.shape()));
      tensors.put("codes/" + name, new TensorData(DType.I8, tensor.shape(), quantized.codes()));
      addBlocks(name, quantized.lattice(), tensors);
    }
    long[] ids = new long[TOKENS];
    Arrays.setAll(ids, i -> (31L * i + 7) % VOCABULARY);
    tensors.put(
        "input_ids", new TensorData(DType.I64, new long[] {1, TOKENS}, MemorySegment.ofArray(ids)));
    if (logits) {
      tensors.put("logits", logits(model, ids));
    }
    SafetensorsWriter.write(file, new NamedTensors(tensors, Map.of()));
  }

  private static void addBlocks(String name, Lattice lattice, Map<String, TensorData> tensors) {
    long rows = lattice.layout().rows();
    int perRow = (int) Math.max(1, lattice.layout().blocks() / rows);
    float[] scales = new float[(int) rows * perRow];
    float[] zeroPoints = new float[scales.length];
    for (int i = 0; i < scales.length; i++) {
      int block =
          Math.min(i, lattice.layout().blocks() - 1); // one of the whole tensor counts for all
      scales[i] = lattice.scales()[block];
      float[] own = lattice.zeroPoints();
      zeroPoints[i] = own == null ? ((UniformGrid) lattice.grid()).zeroPoint() : own[block];
    }
    tensors.put("scales/" + name, TensorData.of(scales, rows, perRow));
    tensors.put("zero_points/" + name, TensorData.of(zeroPoints, rows, perRow));
  }

  @SuppressWarnings("resource") // the source is the caller's
  private static TensorData logits(ModelSource source, long[] ids) throws IOException {
    try (CausalLm model = CausalLm.load(source.folder(), new SourceReader(source));
        PointerScope _ = new PointerScope()) {
      Tensor logits = model.forward(Tensor.create(ids).reshape(1, TOKENS));
      float[] values = new float[(int) logits.numel()];
      logits.contiguous().data_ptr_float().get(values);
      return TensorData.of(values, 1, TOKENS, logits.size(2));
    }
  }
}

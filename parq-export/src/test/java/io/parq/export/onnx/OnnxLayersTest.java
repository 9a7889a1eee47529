package io.parq.export.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.Configs;
import io.parq.export.MemoryModel;
import io.parq.export.ModelReader.Stored;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.Target.Exact;
import io.parq.grids.Target.Holding;
import io.parq.grids.Target.Refused;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Single layers, read back and read out by ONNX Runtime. */
class OnnxLayersTest {
  @TempDir Path folder;

  @Provide
  Arbitrary<String> grids() {
    return Arbitraries.of(Configs.grids());
  }

  @Provide
  Arbitrary<Integer> groups() {
    return Arbitraries.of(0, 1, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512);
  }

  @Provide
  Arbitrary<Integer> levels() {
    return Arbitraries.of(0, 4);
  }

  /** Whatever is not refused beforehand comes back bit for bit, through both readers. */
  @Property(tries = 600, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
  void layersAreExactOrRefused(
      @ForAll("grids") String grid,
      @ForAll("groups") int group,
      @ForAll ScaleType scaleType,
      @ForAll("levels") int level,
      @ForAll @IntRange(min = 1, max = 40) int rows,
      @ForAll @IntRange(min = 1, max = 300) int anyColumns,
      @ForAll boolean embedding,
      @ForAll long seed)
      throws Exception {
    Random random = new Random(seed);
    QuantConfig config;
    try {
      config =
          new QuantConfig(
              Grid.parse(grid),
              group > 0
                  ? Granularity.perGroup(group)
                  : random.nextBoolean() ? Granularity.perRow() : Granularity.perTensor(),
              scaleType);
    } catch (IllegalArgumentException e) {
      assertEquals(ScaleType.E4M3, scaleType);
      return;
    }
    int columns =
        group > 0
            ? group * random.nextInt(1, Math.max(2, 300 / group))
            : random.nextBoolean() ? anyColumns : Math.max(16, anyColumns / 16 * 16);
    OnnxTarget target = new OnnxTarget(level);
    MemoryModel model = model(config, rows, columns, seed);
    Path root = Files.createTempDirectory("onnx");
    try {
      Path out = root.resolve("layer");
      switch (target.holding(config, rows, columns)) {
        case Refused(String reason) -> {
          IllegalArgumentException e =
              assertThrows(
                  IllegalArgumentException.class, () -> write(target, model, embedding, out));
          assertTrue(e.getMessage().contains("w.weight: " + reason), e.getMessage());
        }
        case Exact exact -> {
          write(target, model, embedding, out);
          check(out, model, exact, embedding, level);
        }
      }
      try (Stream<Path> files = Files.list(root)) {
        assertTrue(files.allMatch(out::equals), "something is left beside the layer");
      }
    } finally {
      delete(root);
    }
  }

  private static void delete(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static MemoryModel model(QuantConfig config, int rows, int columns, long seed) {
    float[] weights = Configs.weights(rows * columns, seed);
    return new MemoryModel()
        .with(
            "w.weight",
            QuantizedTensor.quantize(config, MemorySegment.ofArray(weights), rows, columns));
  }

  private static void write(OnnxTarget target, MemoryModel model, boolean embedding, Path out)
      throws IOException {
    if (embedding) {
      new OnnxWriter(target).writeEmbedding(model, "w.weight", out);
    } else {
      new OnnxWriter(target).writeLinear(model, "w.weight", out);
    }
  }

  private static void check(Path out, MemoryModel model, Exact exact, boolean embedding, int level)
      throws Exception {
    QuantizedTensor trained = model.quantized("w.weight");
    float[] expected = trained.dequantize();
    int rows = (int) trained.shape()[0];
    int columns = (int) trained.shape()[1];
    try (OnnxReader reader = OnnxReader.open(out)) {
      Stored stored = reader.tensors().getFirst();
      assertEquals(List.of(stored), reader.tensors());
      assertEquals("w.weight", stored.name());
      assertEquals(List.of((long) rows, (long) columns), stored.shape());
      assertEquals(exact.bitsPerWeight(), 8.0 * stored.bytes() / expected.length, 1e-9);
      assertEquals(
          exact.encoding(), stored.encoding().replace("GatherBlockQuantized", "MatMulNBits"));
      float[] read = new float[expected.length];
      reader.read("w.weight", 0, rows, MemorySegment.ofArray(read));
      assertArrayEquals(expected, read);
    }
    if (embedding) {
      assertArrayEquals(expected, OrtLayers.readEmbedding(out, rows));
    } else if (level == 0 || exact.encoding().startsWith("DequantizeLinear")) {
      assertArrayEquals(expected, OrtLayers.readLinear(out, rows, columns));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "symmetric:2 per-row bf16, 64, 0, MatMulNBits bits=4 block_size=64, 4.5",
    "symmetric:2 per-row bf16, 256, 0, MatMulNBits bits=4 block_size=128, 4.25",
    "symmetric:2 per-row bf16, 256, 4, MatMulNBits bits=2 block_size=128, 2.25",
    "ternary per-row fp32, 256, 4, MatMulNBits bits=2 block_size=128, 2.25",
    "symmetric:4 group:32 fp16, 256, 0, MatMulNBits bits=4 block_size=32, 5",
    "symmetric:4 group:96 fp16, 192, 0, MatMulNBits bits=4 block_size=32, 5",
    "symmetric:4 group:512 fp16, 1024, 0, MatMulNBits bits=4 block_size=256, 4.125",
    "stretched:2 group:32 fp32, 256, 4, MatMulNBits bits=4 block_size=32, 5",
    "stretched:3 per-tensor e8m0, 256, 0, MatMulNBits bits=4 block_size=128, 4.25",
    "stretched:4 per-row fp32, 256, 0, MatMulNBits bits=8 block_size=128, 8.25",
    "asymmetric:4 group:32 fp32, 256, 0, MatMulNBits bits=4 block_size=32, 5.125",
    "symmetric:8 per-row fp32, 256, 0, MatMulNBits bits=8 block_size=128, 8.25",
    "symmetric:4 per-row fp32, 40, 0, DequantizeLinear INT8 block_size=40, 8.8",
  })
  void targetSaysHow(String config, long columns, int level, String encoding, double bits) {
    Holding holding = new OnnxTarget(level).holding(QuantConfig.parse(config), 8, columns);
    assertEquals(new Exact(encoding, bits), holding);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "stretched:8 per-row fp32|8 bits",
        "nf4 per-row fp32|evenly spaced",
        "lsbq-greedy:2 per-row fp32|evenly spaced",
        "tinygemm per-row fp32|offset",
        "ternary+centred per-row fp32|offset",
        "asymmetric-uniform:4 per-row fp32|such as asymmetric:4",
        "symmetric:4 group:24 fp32|64 columns are not divisible by group size 24"
      })
  void targetSaysWhyNot(String config, String reason) {
    Holding holding = new OnnxTarget().holding(QuantConfig.parse(config), 8, 64);
    assertTrue(
        holding instanceof Refused(String text) && text.contains(reason), holding.toString());
  }

  @Test
  void otherShapesAndLevelsAreRefused() {
    QuantConfig config = QuantConfig.of(4);
    assertEquals(
        new Refused("shape [8, 3, 4], expected rows and columns"),
        new OnnxTarget().holding(config, 8, 3, 4));
    assertThrows(IllegalArgumentException.class, () -> new OnnxTarget(2));
    assertEquals(ScaleType.FP32, new OnnxTarget().scaleType(config.grid(), config.granularity()));
  }

  @Test
  void biasIsAdded() throws Exception {
    MemoryModel model = model(QuantConfig.of(3), 5, 32, 7);
    model.with("w.bias", TensorData.of(new float[] {1, 2, 3, 4, 5}, 5));
    new OnnxWriter(new OnnxTarget()).writeLinear(model, "w.weight", folder.resolve("x"));
    float[] weight = model.quantized("w.weight").dequantize();
    float[] out = OrtLayers.readLinear(folder.resolve("x"), 5, 32);
    for (int row = 0; row < 5; row++) {
      for (int column = 0; column < 32; column++) {
        assertEquals(weight[row * 32 + column] + (row + 1), out[row * 32 + column]);
      }
    }
  }

  /** At level 4 ONNX Runtime rounds activations, not weights: a 0 or 127ths of the largest. */
  @Test
  void roundedActivationsLeaveWeightsNearlyAlone() throws Exception {
    for (String grid : List.of("symmetric:2", "stretched:2", "symmetric:4", "symmetric:8")) {
      QuantConfig config = QuantConfig.of(4).withGrid(Grid.parse(grid));
      MemoryModel model = model(config, 24, 256, 3);
      Path out = folder.resolve(grid.replace(':', '-'));
      new OnnxWriter(new OnnxTarget(4)).writeLinear(model, "w.weight", out);
      float[] expected = model.quantized("w.weight").dequantize();
      assertArrayEquals(expected, OrtLayers.readLinear(out, 24, 256), 2e-3f, grid);
    }
  }

  @Test
  void existingFolderIsLeftAlone() throws Exception {
    MemoryModel model = model(QuantConfig.of(4), 6, 64, 1);
    assertThrows(
        java.nio.file.FileAlreadyExistsException.class,
        () -> new OnnxWriter(new OnnxTarget()).writeLinear(model, "w.weight", folder));
    assertThrows(
        IllegalArgumentException.class,
        () -> new OnnxWriter(new OnnxTarget()).writeLinear(model, "v.weight", folder.resolve("x")));
  }
}

package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest extends CommandRun {
  private static final String WEIGHT = "model.layers.0.mlp.up.weight";
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String NORM = "model.layers.0.norm.weight";

  @TempDir private Path folder = Path.of("");
  private final float[] weights = new float[48 * 64];
  private Path input = Path.of("");
  private Path output = Path.of("");

  @BeforeEach
  void writeCheckpoint() throws IOException {
    Random random = new Random(7);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    tensors.put(EMBEDDING, TensorData.of(weights.clone(), 48, 64));
    tensors.put(WEIGHT, TensorData.of(weights, 48, 64));
    tensors.put(NORM, TensorData.of(new float[64], 64));
    input = folder.resolve("in.safetensors");
    output = folder.resolve("out.safetensors");
    SafetensorsWriter.write(input, new NamedTensors(tensors, Map.of("format", "pt")));
  }

  private int quantize(String... options) {
    List<String> args = new java.util.ArrayList<>(List.of("quantize", path(input), path(output)));
    args.addAll(List.of(options));
    return parq(args.toArray());
  }

  private static String path(Path path) {
    return path.toString();
  }

  @Test
  void quantizedFilesAreInspected() {
    assertEquals(0, quantize("--bits", "2", "--scale-type", "bf16", "--embedding-bits", "4"), err);
    assertTrue(out.contains("2 tensors quantized, 1 copied"), out);
    assertEquals(0, parq("inspect", "--counts", path(output)), err);
    assertTrue(out.contains(WEIGHT + "  packed   48x64"), out);
    assertTrue(out.contains("stretched:2 per-row bf16"), out);
    assertTrue(out.contains("symmetric:4 per-row bf16"), out);
    assertTrue(out.lines().anyMatch(line -> line.startsWith(NORM) && line.contains("F32")), out);
  }

  @Test
  void dequantizedFilesHoldTheLevels() throws IOException {
    String[] options = {"--grid", "stretched+error-optimal", "--bits", "3", "--dequantized"};
    assertEquals(0, quantize(options), err);
    QuantConfig config = QuantConfig.parse("stretched:3+error-optimal per-row fp32");
    float[] expected =
        QuantizedTensor.quantize(config, MemorySegment.ofArray(weights), 48, 64).dequantize();
    NamedTensors written = SafetensorsReader.read(output);
    org.junit.jupiter.api.Assertions.assertArrayEquals(
        expected, written.tensors().get(WEIGHT).toFloats());
    assertEquals(Map.of("format", "pt"), written.values());
    assertEquals(0, parq("inspect", path(output)), err);
    assertTrue(out.contains("100.0 %"), out);
  }

  @Test
  void outputsAreReplacedOnlyByForce() throws IOException {
    Files.writeString(output, "precious");
    assertEquals(1, quantize("--bits", "2"));
    assertEquals("precious", Files.readString(output));
    assertTrue(err.contains("--force"), err);
    assertEquals(0, quantize("--bits", "2", "--force"), err);
  }

  @Test
  void shapesThatDoNotFitAreNamedBeforeAnythingIsWritten() {
    assertEquals(1, quantize("--bits", "2", "--granularity", "group:48"));
    assertTrue(err.contains("weight: 64 columns are not divisible by group size 48"), err);
    assertFalse(Files.exists(output));
  }

  @Test
  void wrongUsageIsExplained() {
    assertUsage("expected --bits", "--scale-type", "bf16");
    assertUsage("scale type 'fp64'", "--bits", "2", "--scale-type", "fp64");
    assertUsage("granularity 'rows'", "--bits", "2", "--granularity", "rows");
    assertUsage("grid 'foo'", "--bits", "2", "--grid", "foo");
    assertUsage("needs --bits", "--grid", "stretched");
    assertUsage("which has 4", "--bits", "2", "--grid", "nf4");
    assertUsage("expected 2 to 8", "--bits", "9");
    assertUsage("--embedding-bits", "--bits", "2", "--embedding-bits", "0");
    assertUsage("e4m3", "--bits", "4", "--grid", "asymmetric", "--scale-type", "e4m3");
    assertEquals(2, parq("demo", "--seeds", "2"));
    assertEquals(2, parq("demo", "digits", "--seeds", "0"));
    assertEquals(2, parq("demo", "study", "--seeds", "0"));
    assertEquals(2, parq("demo", "study", "--full"));
    assertEquals(2, parq("bench", "--threads", "0"));
    assertTrue(err.contains("--threads 0"), err);
    assertEquals(2, parq("demo", "chess"));
    assertEquals(2, parq("train"));
  }

  private void assertUsage(String expected, String... options) {
    assertEquals(2, quantize(options), err);
    assertTrue(err.contains(expected), err);
    assertFalse(Files.exists(output));
  }

  @Test
  void unreadableFilesAreNamed() throws IOException {
    assertEquals(1, parq("inspect", path(folder.resolve("none.safetensors"))));
    assertTrue(err.contains("none.safetensors: no such file or folder"), err);
    Path text = Files.writeString(folder.resolve("text.safetensors"), "not a tensor in sight");
    assertEquals(1, parq("inspect", path(text)));
    assertTrue(err.contains("text.safetensors"), err);
    assertEquals(1, err.lines().count(), "no stack trace");
  }

  @Test
  void helpNamesEveryCommand() {
    assertEquals(0, parq("--help"));
    String help = out;
    for (String command :
        List.of("demo", "generate", "chat", "serve", "quantize", "inspect", "bench")) {
      assertTrue(help.contains("  " + command), help);
      assertEquals(0, parq(command, "--help"));
    }
    assertEquals(0, parq());
  }

  @Test
  void histogramsAreDrawn() {
    assertEquals("|▁█ ▄|", InspectCommand.bars(List.of(1L, 80L, 0L, 40L)));
    assertEquals(34, InspectCommand.bars(java.util.Collections.nCopies(256, 3L)).length());
  }
}

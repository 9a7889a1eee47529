package io.parq.samples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.ParqFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WrapOptimizerTest {
  @Test
  void fileHoldsTheTrainedWeightsBitForBit(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("layer.safetensors");
    float[] trained = WrapOptimizer.train(file);
    try (ParqFile packed = ParqFile.open(file)) {
      assertArrayEquals(trained, packed.quantized("layer.weight").dequantize());
      // 2 bits a weight and one float a row.
      assertEquals(32 * 64 / 4 + 32 * 4, packed.packed("layer.weight").byteSize());
    }
    for (int row = 0; row < 32; row++) {
      float[] weights = Arrays.copyOfRange(trained, 64 * row, 64 * (row + 1));
      Arrays.sort(weights);
      int levels = 1;
      for (int i = 1; i < weights.length; i++) {
        levels += weights[i] == weights[i - 1] ? 0 : 1;
      }
      assertEquals(4, levels, "levels in row " + row);
    }
  }

  @Test
  void runsFromTheCommandLine(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("layer.safetensors");
    WrapOptimizer.main(new String[] {file.toString()});
    assertTrue(Files.exists(file));
  }

  @Test
  void readmeShowsThisCode() throws Exception {
    String readme = Files.readString(Path.of("..", "README.md"));
    String code = Files.readString(Path.of("src/main/java/io/parq/samples/WrapOptimizer.java"));
    int start = readme.indexOf("```java\n") + "```java\n".length();
    String shown = readme.substring(start, readme.indexOf("```", start));
    assertTrue(code.contains(shown.stripTrailing().indent(4).replaceAll("(?m)^ +$", "")), shown);
  }
}

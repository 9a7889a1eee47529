package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps, products and tokens leave next to no garbage, once their loops are compiled. */
class GarbageTest {
  /** Bytes a product: some arrays for each tile, but no vector for each group or column. */
  private static final long PRODUCT = Garbage.ROWS * 16;

  /** Kinds of products. */
  private static final int PRODUCTS = 40;

  /** Kinds of training and packing. */
  private static final int TRAINING = 118;

  /** Bytes of a token in a layer: small objects of seven products, but no array for one. */
  private static final long LAYER = 12_000;

  /** Vectors that are not kept in registers are objects, which make loops many times slower. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void compiledKernelsMakeNoVectorsInMemory(long seed) throws IOException, InterruptedException {
    List<String> lines = run(Garbage.class, "" + seed, "" + PRODUCT);
    assertEquals(PRODUCTS + TRAINING, lines.size(), lines.toString());
    for (String line : lines) {
      String[] parts = line.split("\t");
      assertTrue(
          Long.parseLong(parts[1]) <= Long.parseLong(parts[2]),
          "seed " + seed + ", kind, bytes a run, expected at most: " + line);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "symmetric:4 group:32 bf16, int8-asym-per-token",
    "stretched:2 per-row fp32, int8-sym-per-token",
    "asymmetric:4 group:32 fp32, int8-asym-per-token",
    "symmetric:8 per-row fp32, fp8-e4m3-per-row"
  })
  void decodedTokensLeaveNoArrays(String weights, String activations)
      throws IOException, InterruptedException {
    List<String> lines = run(DecodingGarbage.class, weights, activations, "" + LAYER);
    assertEquals(1, lines.size(), weights);
    assertTrue(Long.parseLong(lines.getFirst()) <= LAYER, weights + ": " + lines);
  }

  /** Runs a program, whose compiled code is not that of other tests, and returns what it prints. */
  private static List<String> run(Class<?> program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), text);
    return text.lines().toList();
  }
}

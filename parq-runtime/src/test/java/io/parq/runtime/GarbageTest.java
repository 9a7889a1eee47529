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

/** Products and tokens leave next to no garbage, once their loops are compiled. */
class GarbageTest {
  /** Bytes a product: a vector for every group may be left, none for a column. */
  private static final long PRODUCT = Garbage.ROWS * Garbage.COLUMNS / 8;

  /** Bytes of a token in a layer: small objects of seven products, but no array for one. */
  private static final long LAYER = 12_000;

  /**
   * Vectors that are not kept in registers are objects, which make products several times slower.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "symmetric:8 group:32 fp32",
        "symmetric:4 per-row fp32",
        "symmetric:4 group:32 bf16",
        "stretched:3 per-row fp32",
        "stretched:2 group:32 fp32",
        "stretched:1 per-row fp32",
        "nf4 group:64 fp32"
      })
  void compiledKernelsMakeNoVectorsInMemory(String weights)
      throws IOException, InterruptedException {
    List<Long> bytes = run(Garbage.class, weights);
    assertEquals(2, bytes.size(), weights);
    bytes.forEach(found -> assertTrue(found <= PRODUCT, weights + ": " + bytes));
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
    List<Long> bytes = run(DecodingGarbage.class, weights, activations, "" + LAYER);
    assertEquals(1, bytes.size(), weights);
    assertTrue(bytes.getFirst() <= LAYER, weights + ": " + bytes);
  }

  /** Runs a program, whose compiled code is not that of other tests, and returns what it prints. */
  private static List<Long> run(Class<?> program, String... arguments)
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
    return text.lines().map(Long::valueOf).toList();
  }
}

package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors that are not kept in registers are objects, which make products several times slower. */
class GarbageTest {
  /** Bytes a product: a vector for every group may be left, none for a column. */
  private static final long MOST = Garbage.ROWS * Garbage.COLUMNS / 8;

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
    Process program =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                Garbage.class.getName(),
                weights)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String text = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, program.waitFor(), text);
    List<Long> bytes = text.lines().map(Long::valueOf).toList();
    assertEquals(2, bytes.size(), text);
    bytes.forEach(found -> assertTrue(found <= MOST, weights + ": " + bytes));
  }
}

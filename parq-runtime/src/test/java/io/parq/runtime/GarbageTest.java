package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors that are not kept in registers are objects, which make products many times slower. */
class GarbageTest {
  /** Bytes a product: some arrays for each tile, but no vector for each group or column. */
  private static final long MOST = Garbage.ROWS * 16;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void compiledKernelsMakeNoVectorsInMemory(long seed) throws IOException, InterruptedException {
    Process program =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                Garbage.class.getName(),
                Long.toString(seed),
                Long.toString(MOST))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String text = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, program.waitFor(), text);
    List<String> lines = text.lines().toList();
    assertEquals(20, lines.size(), text);
    for (String line : lines) {
      long bytes = Long.parseLong(line.substring(line.indexOf('\t') + 1));
      assertTrue(bytes <= MOST, "seed " + seed + ", bytes a product:\n" + text);
    }
  }
}

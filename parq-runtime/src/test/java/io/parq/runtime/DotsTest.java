package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Machine code against sums of whole numbers, which are exact. */
class DotsTest {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  /** Prints whether there is machine code. */
  public static void main(String[] arguments) {
    System.out.println(Dots.exist());
  }

  @Test
  void sumsAreExact() {
    assumeTrue(Dots.exist(), "neither Linux on x86-64 nor AVX512_VNNI");
    for (int columns : new int[] {4, 32, 128}) {
      for (int tokens = 2; tokens <= 13; tokens++) {
        check(columns, tokens, new SplittableRandom(columns + tokens), false);
        check(columns, tokens, new SplittableRandom(columns + tokens), true);
      }
    }
  }

  private static void check(int columns, int tokens, SplittableRandom random, boolean extreme) {
    int rows = Geometry.TILE;
    byte[] weights = new byte[rows * columns];
    random.nextBytes(weights);
    int[] codes = random.ints((long) tokens * columns, -128, 128).toArray();
    int[] zeros = random.ints(tokens, -128, 128).toArray();
    if (extreme) {
      Arrays.fill(weights, Byte.MIN_VALUE);
      Arrays.fill(codes, 127);
      Arrays.fill(zeros, -128);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment w = arena.allocate(weights.length, 64);
      MemorySegment.copy(weights, 0, w, ValueLayout.JAVA_BYTE, 0, weights.length);
      MemorySegment values = arena.allocate(Dots.size(tokens, columns), 4);
      Bytes x = new Bytes(tokens, columns, columns, values, new float[tokens], new float[tokens]);
      for (int token = 0; token < tokens; token++) {
        int from = token * columns;
        int[] own = Arrays.copyOfRange(codes, from, from + columns);
        x.zeros()[token] = zeros[token];
        x.put(token, 0, own, token - 0.5f);
      }
      MemorySegment scales = arena.allocate(rows * 4L, 64);
      MemorySegment sums = arena.allocate((tokens + 1L) * rows * 4, 64);
      for (int row = 0; row < rows; row++) {
        scales.setAtIndex(FLOAT, row, row * 0.01f);
      }
      for (int i = 0; i < (tokens + 1) * rows; i++) {
        sums.setAtIndex(FLOAT, i, i);
      }
      Dots.add(w.address(), values.address(), scales.address(), sums.address(), columns, tokens);
      for (int i = 0; i < (tokens + 1) * rows; i++) {
        float expected = i;
        if (i < tokens * rows) {
          int row = i % rows;
          int token = i / rows;
          int sum = 0;
          for (int column = 0; column < columns; column++) {
            int weight = weights[(column / 4 * rows + row) * 4 + column % 4];
            sum += weight * (codes[token * columns + column] - zeros[token]);
          }
          expected = Math.fma(sum + (token - 0.5f), row * 0.01f, i);
        }
        assertEquals(expected, sums.getAtIndex(FLOAT, i), columns + " " + tokens + " " + i);
      }
    }
  }

  /** Where the processor has the instruction, only an option keeps it from being used. */
  @ParameterizedTest
  @CsvSource({"auto, true", "vector, false", "scalar, false"})
  void optionsAreFollowed(String kernels, boolean wanted) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dio.parq.kernels=" + kernels,
                "-cp",
                System.getProperty("java.class.path"),
                DotsTest.class.getName())
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor());
    assertEquals(wanted && hasInstruction(), Boolean.parseBoolean(output.strip()));
  }

  private static boolean hasInstruction() throws IOException {
    Path processor = Path.of("/proc/cpuinfo");
    return System.getProperty("os.arch").equals("amd64")
        && Files.exists(processor)
        && Files.readString(processor).contains(" avx512_vnni");
  }
}

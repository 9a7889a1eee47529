package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.Kernels;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A Java with other vectors, or without any, trains to the same bits and says why it has none. */
class FallbackTest {
  private static final String VECTORS = "--add-modules jdk.incubator.vector ";

  /** Prints what kernels were chosen, and the weights of some runs as a number. */
  public static void main(String[] arguments) {
    int bits = 1;
    for (String linear :
        List.of("stretched:2 per-row fp32", "lsbq-optimal:2 per-row bf16", "nf4 group:16 fp32")) {
      for (String map : List.of("hard", "parq:2:6", "binary-relax:2:6")) {
        Net net = new Net();
        List<ParamGroup> groups =
            net.groups(QuantConfig.parse(linear), QuantConfig.of(4), QuantConfig.of(2));
        Optimizer base = map.equals("hard") ? new Adam(groups, 0.1) : new AdamW(groups, 0.1);
        net.train(QuantOptimizer.wrap(base).prox(ProxMap.parse(map)).clipNorm(5).build(), 8);
        bits = 31 * bits + net.bits().hashCode();
      }
    }
    System.out.println("vectors: " + Kernels.areVectors() + ", weights: " + bits);
  }

  @ParameterizedTest
  @CsvSource({
    "-XX:UseAVX=2, ''",
    "-XX:UseAVX=0, ''",
    "-Dio.parq.kernels=scalar, -Dio.parq.kernels=scalar",
    "-XX:TieredStopAtLevel=1, Java compiles without C2",
    "'', Java was started without --add-modules jdk.incubator.vector",
  })
  void trainsToTheSameBits(String option, String reason) throws Exception {
    String expected = run(VECTORS).lines().toList().getLast();
    assertTrue(expected.startsWith("vectors: true"), expected);
    String output = run(option.isEmpty() ? "" : VECTORS + option);
    String found = output.lines().toList().getLast();
    assertEquals(expected.replace("true", reason.isEmpty() ? "true" : "false"), found, output);
    assertEquals(reason.isEmpty() ? 1 : 2, output.split("Kernels without vectors", -1).length);
    assertTrue(output.contains(reason), output);
  }

  private static String run(String options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // An option that the processor does not know is no error.
    command.add("-XX:+IgnoreUnrecognizedVMOptions");
    command.addAll(options.isBlank() ? List.of() : List.of(options.strip().split(" +")));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), FallbackTest.class.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }
}

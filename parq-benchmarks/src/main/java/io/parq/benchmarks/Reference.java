package io.parq.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Runs {@code reference/bench_step.py}, which times PyTorch and torchao on the same sizes. */
public final class Reference {
  private Reference() {}

  /**
   * What was measured of one step.
   *
   * @param model large or small
   * @param name what it is called
   * @param against the name of our row that does the same
   * @param rounds how many were timed; the shortest counts
   * @param nanos of a step
   * @param toAdamW time to that of PyTorch's fused AdamW in the same rounds
   * @param toCopy time for a byte, to that of a copy in the same rounds
   */
  public record Row(
      String model,
      String name,
      String against,
      int rounds,
      double nanos,
      double toAdamW,
      double toCopy) {}

  /**
   * All that the script prints.
   *
   * @param facts versions and threads
   * @param rows the steps
   */
  public record Report(Map<String, String> facts, List<Row> rows) {}

  /**
   * Measures.
   *
   * @param python an interpreter that has torch and torchao, see reference/requirements.txt
   * @param threads that each step may use
   * @return what the script measured
   * @throws IOException if it cannot be run or fails; what it said is on standard error
   */
  public static Report run(String python, int threads) throws IOException {
    Path script = Files.createTempFile("bench_step", ".py");
    try {
      try (@Nullable InputStream source = Reference.class.getResourceAsStream("bench_step.py")) {
        if (source == null) {
          throw new IllegalStateException("bench_step.py is not in the jar");
        }
        Files.copy(source, script, StandardCopyOption.REPLACE_EXISTING);
      }
      List<String> command =
          List.of(python, script.toString(), "--json", "--threads", Integer.toString(threads));
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      byte[] output = process.getInputStream().readAllBytes();
      int status = process.waitFor();
      if (status != 0) {
        throw new IOException(python + " bench_step.py failed with status " + status);
      }
      return new ObjectMapper().readValue(output, Report.class);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    } finally {
      Files.deleteIfExists(script);
    }
  }
}

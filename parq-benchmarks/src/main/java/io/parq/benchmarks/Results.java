package io.parq.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that was measured, for a file.
 *
 * @param machine what it was measured on
 * @param rows ours
 * @param reference PyTorch's and torchao's, if they were asked for
 */
public record Results(
    Map<String, String> machine, List<Row> rows, Reference.@Nullable Report reference) {
  /**
   * Writes everything as JSON.
   *
   * @param file replaced if it exists
   * @throws IOException if it cannot be written
   */
  public void write(Path file) throws IOException {
    new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), this);
  }
}

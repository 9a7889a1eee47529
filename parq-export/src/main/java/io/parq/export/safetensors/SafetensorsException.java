package io.parq.export.safetensors;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file that is not valid safetensors, or not what was expected of it. The message names the file,
 * the tensor where there is one, what was found and what was expected.
 */
public class SafetensorsException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * Reports a file.
   *
   * @param file the file
   * @param problem what was found and what was expected
   */
  public SafetensorsException(Path file, String problem) {
    super(file + ": " + problem);
  }

  /**
   * Reports a tensor of a file.
   *
   * @param file the file
   * @param tensor the tensor's name
   * @param problem what was found and what was expected
   */
  public SafetensorsException(Path file, String tensor, String problem) {
    super(file + ": tensor '" + tensor + "': " + problem);
  }
}

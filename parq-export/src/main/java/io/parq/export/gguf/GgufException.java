package io.parq.export.gguf;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file that is not valid GGUF, or does not hold what was expected of it. The message names the
 * file, the place in it, what was found and what was expected.
 */
public class GgufException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * Reports a file.
   *
   * @param file the file
   * @param problem what was found and what was expected
   */
  public GgufException(Path file, String problem) {
    super(file + ": " + problem);
  }

  /**
   * Reports a tensor of a file.
   *
   * @param file the file
   * @param tensor the tensor's name
   * @param problem what was found and what was expected
   */
  public GgufException(Path file, String tensor, String problem) {
    this(file, "tensor '" + tensor + "': " + problem);
  }
}

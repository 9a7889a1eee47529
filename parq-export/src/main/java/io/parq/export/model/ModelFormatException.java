package io.parq.export.model;

import java.io.IOException;
import java.nio.file.Path;

/** A model's folder that holds something else than it should; the message names file and reason. */
public final class ModelFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * Reports a file.
   *
   * @param file the file or folder
   * @param problem what was found and what was expected
   */
  public ModelFormatException(Path file, String problem) {
    super(file + ": " + problem);
  }

  /**
   * Reports a file in another exception's words.
   *
   * @param file the file or folder
   * @param cause says what was found and what was expected
   */
  public ModelFormatException(Path file, Exception cause) {
    super(file + ": " + cause.getMessage(), cause);
  }
}

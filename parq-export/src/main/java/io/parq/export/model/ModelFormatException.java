package io.parq.export.model;

import java.io.IOException;
import java.nio.file.Path;

/** A model's folder that holds something else than it should; the message names file and reason. */
public final class ModelFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  ModelFormatException(Path file, String problem) {
    super(file + ": " + problem);
  }

  ModelFormatException(Path file, Exception cause) {
    super(file + ": " + cause.getMessage(), cause);
  }
}

package io.parq.runtime;

import java.io.IOException;

/** Where a decoder's weights come from, under Hugging Face's names for a text model. */
interface Weights {
  /** Reads a matrix. */
  PackedMatrix matrix(String name, int rows, int columns) throws IOException;

  /** Reads a vector. */
  float[] vector(String name, int length) throws IOException;
}

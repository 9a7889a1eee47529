package io.parq.export;

import io.parq.grids.Target;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Writes models in one format, with exactly the values that were trained: nothing is fitted or
 * rounded again. What was written is decoded and compared before it gets its final name.
 */
public interface ModelWriter {
  /** {@return what the format can hold} */
  Target target();

  /**
   * Writes a model. A few tensors are in memory at a time, not the model.
   *
   * @param model the model; not modified, not closed
   * @param out the file, or the folder where the format is one; must not exist
   * @param progress told of each tensor
   * @throws IllegalArgumentException if the format cannot hold the model; the message names all
   *     tensors that it refuses, and why
   * @throws IOException if reading or writing fails, or what was written does not decode to the
   *     trained values: the message names tensor, row, column and both values; nothing is left
   *     under the final name then
   */
  void write(ModelSource model, Path out, Progress progress) throws IOException;

  /** Told how far the writing is. */
  interface Progress {
    /** Says nothing to anybody. */
    Progress NONE = (done, total, tensor) -> {};

    /**
     * Tells that a tensor begins to be written, or to be read back; or that all is done.
     *
     * @param done bytes of the source that are finished
     * @param total bytes of the source
     * @param tensor the name of the tensor; empty at the end
     */
    void at(long done, long total, String tensor);
  }
}

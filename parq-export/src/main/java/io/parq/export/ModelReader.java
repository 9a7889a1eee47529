package io.parq.export;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Decodes an exported model, whoever wrote it. Tensors have Hugging Face's names and shapes.
 * Several threads may read at a time.
 */
public interface ModelReader extends AutoCloseable {
  /** {@return all tensors, in the file's order} */
  List<Stored> tensors();

  /**
   * Decodes some rows of a tensor.
   *
   * @param name of the tensor
   * @param row the first row; a tensor of rank 1 is one row
   * @param count of rows, at least 1
   * @param out single-precision values, row after row; overwritten
   * @throws IndexOutOfBoundsException if there are no such rows
   * @throws IOException if there is no such tensor, or its data are damaged
   */
  void read(String name, long row, long count, MemorySegment out) throws IOException;

  @Override
  void close() throws IOException;

  /**
   * A tensor as the file holds it.
   *
   * @param name Hugging Face's name, or the file's own if it is none that is known
   * @param encoding the format's name of the encoding, such as {@code Q4_0}
   * @param shape rows, then columns
   * @param bytes stored bytes
   */
  record Stored(String name, String encoding, List<Long> shape, long bytes) {}
}

package io.parq.export;

import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A tensor seen as a matrix: the first dimension counts rows, the others together are columns; a
 * tensor of rank 1 is one row.
 *
 * @param rows number of rows
 * @param columns elements in a row
 */
public record Rows(long rows, long columns) {
  /**
   * {@return the matrix of a shape}
   *
   * @param shape dimensions, each at least 0; not modified
   */
  public static Rows of(long... shape) {
    long rows = shape.length < 2 ? 1 : shape[0];
    return new Rows(rows, rows == 0 ? 0 : TensorData.elements(shape) / rows);
  }

  /**
   * Checks the arguments of {@link ModelReader#read}.
   *
   * @param name of the tensor, for the message
   * @param row the first row
   * @param count of rows
   * @param out where they are to be written
   * @throws IndexOutOfBoundsException if there are no such rows
   * @throws IllegalArgumentException if {@code out} has another size than the rows' floats
   */
  public void check(String name, long row, long count, MemorySegment out) {
    Objects.checkFromIndexSize(row, count, rows);
    long bytes = Math.multiplyExact(4 * count, columns);
    if (out.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "%s: memory of %d bytes for %d rows of %d columns, expected %d"
              .formatted(name, out.byteSize(), count, columns, bytes));
    }
  }
}

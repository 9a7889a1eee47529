package io.parq.export.gguf;

import java.util.List;
import java.util.Map;

/**
 * What a file says before its data.
 *
 * @param metadata values by key, in the file's order; see {@link GgufReader#metadata}
 * @param tensors in the file's order
 * @param dataStart where the data begin, a multiple of the alignment
 */
record Header(Map<String, Object> metadata, List<Entry> tensors, long dataStart) {
  static final int MAGIC = 0x46554747;
  static final int VERSION = 3;
  static final int ALIGNMENT = 32;
  static final int MAX_DIMENSIONS = 4;

  /**
   * A tensor.
   *
   * @param name the file's name
   * @param shape dimensions, slowest first: the reverse of the file's order
   * @param encoding how it is stored
   * @param offset from the start of the data
   */
  record Entry(String name, List<Long> shape, Encoding encoding, long offset) {
    long rows() {
      return shape.subList(0, shape.size() - 1).stream().reduce(1L, Math::multiplyExact);
    }

    long columns() {
      return shape.getLast();
    }

    long bytes() {
      return Math.multiplyExact(rows(), encoding.rowBytes(columns()));
    }
  }

  /** The next multiple of the alignment. */
  static long align(long offset, long alignment) {
    return Math.addExact(offset, alignment - 1) / alignment * alignment;
  }
}

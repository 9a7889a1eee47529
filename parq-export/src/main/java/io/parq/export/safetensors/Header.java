package io.parq.export.safetensors;

import java.util.List;
import java.util.Map;

/**
 * The parsed header of one file.
 *
 * @param dataStart where the elements begin, in bytes from the start of the file
 * @param entries the tensors, in the header's order
 * @param metadata the plain values
 */
record Header(long dataStart, List<Entry> entries, Map<String, String> metadata) {
  static final int LENGTH_BYTES = 8;

  /** The reference implementation reads no header above this length. */
  static final long MAX_LENGTH = 100_000_000;

  static final String METADATA = "__metadata__";

  /**
   * A tensor and where its elements are.
   *
   * @param info the tensor
   * @param begin its first byte, from {@code dataStart}
   */
  record Entry(TensorInfo info, long begin) {
    long end() {
      return begin + info.byteSize();
    }
  }
}

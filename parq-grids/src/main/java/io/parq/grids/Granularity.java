package io.parq.grids;

/**
 * What shares one scale: the whole tensor, a row (for a convolution: an output channel), or a group
 * of neighbouring inputs within a row. Written {@code per-tensor}, {@code per-row} and {@code
 * group:32}.
 */
public sealed interface Granularity {
  /** One scale for the whole tensor. */
  record PerTensor() implements Granularity {
    @Override
    public String toString() {
      return "per-tensor";
    }
  }

  /** One scale for each row, that is for each index of the first dimension. */
  record PerRow() implements Granularity {
    @Override
    public String toString() {
      return "per-row";
    }
  }

  /**
   * One scale for each run of {@code size} elements of a row.
   *
   * @param size elements in a group, at least 1; must divide the row length
   */
  record PerGroup(int size) implements Granularity {
    /** Checks the size. */
    public PerGroup {
      if (size < 1) {
        throw new IllegalArgumentException("group size " + size + ", expected at least 1");
      }
    }

    @Override
    public String toString() {
      return "group:" + size;
    }
  }

  /** {@return one scale for the whole tensor} */
  static Granularity perTensor() {
    return new PerTensor();
  }

  /** {@return one scale for each row} */
  static Granularity perRow() {
    return new PerRow();
  }

  /**
   * {@return one scale for each run of {@code size} inputs}
   *
   * @param size elements in a group, at least 1
   */
  static Granularity perGroup(int size) {
    return new PerGroup(size);
  }

  /**
   * Reads what {@code toString} writes.
   *
   * @param text {@code per-tensor}, {@code per-row} or {@code group:SIZE}
   * @return the granularity
   * @throws IllegalArgumentException if the text is none of these
   */
  static Granularity parse(String text) {
    if (text.equals("per-tensor")) {
      return perTensor();
    }
    if (text.equals("per-row")) {
      return perRow();
    }
    if (text.matches("group:\\d{1,9}")) {
      return perGroup(Integer.parseInt(text.substring("group:".length())));
    }
    throw new IllegalArgumentException(
        "granularity '" + text + "', expected per-tensor, per-row or group:SIZE");
  }
}

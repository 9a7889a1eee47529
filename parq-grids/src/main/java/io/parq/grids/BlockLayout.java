package io.parq.grids;

/**
 * How a tensor of rank 1 to 4 is cut into blocks that share a scale. The tensor is seen as a
 * row-major matrix: the first dimension counts rows (the output channels of a convolution), the
 * others together are columns; a tensor of rank 1 is a single row. Blocks follow one another in
 * memory, so block {@code i} covers the elements from {@code i * blockLength}.
 *
 * @param rows number of rows, at least 1
 * @param columns elements in a row, at least 1
 * @param blockLength elements in a block, a divisor of {@code columns} or all elements
 */
public record BlockLayout(long rows, long columns, int blockLength) {
  /** Checks that the sizes are positive, fit in a {@code long} and divide one another. */
  public BlockLayout {
    if (rows < 1 || columns < 1 || blockLength < 1) {
      throw new IllegalArgumentException(
          "layout of %d rows, %d columns, blocks of %d: expected at least 1 each"
              .formatted(rows, columns, blockLength));
    }
    long size = Math.multiplyExact(rows, columns);
    if (columns % blockLength != 0 && size != blockLength) {
      throw new IllegalArgumentException(
          "%d columns are not divisible by block length %d".formatted(columns, blockLength));
    }
    if (size / blockLength > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%d blocks of %d, expected at most %d blocks"
              .formatted(size / blockLength, blockLength, Integer.MAX_VALUE));
    }
  }

  /**
   * Lays blocks over a tensor.
   *
   * @param shape the tensor's dimensions, 1 to 4 of them, each at least 1; not modified
   * @param granularity what shares a scale
   * @return the layout
   * @throws IllegalArgumentException if the rank is not 1 to 4, a dimension is below 1, the group
   *     size does not divide the columns, or a block would exceed 2^31 - 1 elements
   * @throws ArithmeticException if the number of elements overflows a {@code long}
   */
  public static BlockLayout of(long[] shape, Granularity granularity) {
    if (shape.length < 1 || shape.length > 4) {
      throw new IllegalArgumentException("rank " + shape.length + ", expected 1 to 4");
    }
    long rows = shape.length == 1 ? 1 : shape[0];
    long columns = 1;
    for (int i = shape.length == 1 ? 0 : 1; i < shape.length; i++) {
      columns = Math.multiplyExact(columns, shape[i]);
    }
    long length =
        switch (granularity) {
          case Granularity.PerTensor _ -> Math.multiplyExact(rows, columns);
          case Granularity.PerRow _ -> columns;
          case Granularity.PerGroup(int size) -> size;
        };
    if (length > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "a block of %d elements (%s), expected at most %d"
              .formatted(length, granularity, Integer.MAX_VALUE));
    }
    if (granularity instanceof Granularity.PerGroup(int size) && columns % size != 0) {
      throw new IllegalArgumentException(
          "%d columns are not divisible by group size %d".formatted(columns, size));
    }
    return new BlockLayout(rows, columns, (int) length);
  }

  /** {@return the number of elements} */
  public long size() {
    return rows * columns;
  }

  /** {@return the number of blocks} */
  public int blocks() {
    return (int) (size() / blockLength);
  }

  /**
   * {@return the index of a block's first element}
   *
   * @param block a block, 0 to {@code blocks() - 1}
   */
  public long start(int block) {
    return (long) block * blockLength;
  }
}

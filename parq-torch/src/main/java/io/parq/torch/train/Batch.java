package io.parq.torch.train;

import java.util.Arrays;

/** Rows of token ids with the ids that follow each of them. */
public final class Batch {
  /** Stands for a target that does not count towards the loss. */
  public static final long IGNORED = -100;

  private final int rows;
  private final int columns;
  private final long[] ids;
  private final long[] targets;

  Batch(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
    this.ids = new long[Math.multiplyExact(rows, columns)];
    this.targets = new long[ids.length];
  }

  /** Fills a row with the tokens from a position on; the target of each is the next one. */
  void fill(int row, TokenData data, int start) {
    for (int column = 0; column < columns; column++) {
      int to = row * columns + column;
      int from = start + column;
      ids[to] = data.id(from);
      targets[to] = data.counts(from + 1) ? data.id(from + 1) : IGNORED;
    }
  }

  /** Sets one position. */
  void set(int row, int column, long id, long target) {
    ids[row * columns + column] = id;
    targets[row * columns + column] = target;
  }

  /** Takes the first targets of a row out of the count. */
  void ignore(int row, int count) {
    Arrays.fill(targets, row * columns, row * columns + count, IGNORED);
  }

  /** {@return the number of sequences} */
  public int rows() {
    return rows;
  }

  /** {@return the length of each} */
  public int columns() {
    return columns;
  }

  /** {@return the ids, row-major [rows, columns], not a copy} */
  public long[] ids() {
    return ids;
  }

  /** {@return the target of each id, or {@link #IGNORED}; not a copy} */
  public long[] targets() {
    return targets;
  }

  /** {@return the number of targets that count} */
  public long counted() {
    long count = 0;
    for (long target : targets) {
      count += target == IGNORED ? 0 : 1;
    }
    return count;
  }
}

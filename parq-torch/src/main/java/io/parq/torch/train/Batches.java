package io.parq.torch.train;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * An endless, repeatable series of training batches. The stream of tokens is cut into sequences of
 * equal length that overlap by one token, so that each token is a target once an epoch; what is
 * left at the end is dropped, and so are sequences without a target that counts. Every epoch takes
 * all sequences in an order of its own, which depends on the seed and the epoch only; a batch may
 * span two epochs. Not thread-safe.
 */
public final class Batches {
  private final TokenData data;
  private final int sequenceLength;
  private final int batchSize;
  private final long seed;

  /** First tokens of the sequences. */
  private final int[] starts;

  private final int[] order;
  private long orderedEpoch = -1;
  private long position;

  /**
   * Cuts data into batches.
   *
   * @param data the tokens
   * @param sequenceLength inputs in a sequence, at least 1
   * @param batchSize sequences in a batch, at least 1
   * @param seed chooses the order
   * @throws IllegalArgumentException if a size is below 1, the data is shorter than one sequence
   *     and its last target, or no target counts
   */
  public Batches(TokenData data, int sequenceLength, int batchSize, long seed) {
    Checks.atLeast("sequence length", sequenceLength, 1);
    Checks.atLeast("batch size", batchSize, 1);
    if (data.size() < sequenceLength + 1L) {
      throw new IllegalArgumentException(
          "data of %d tokens, expected at least %d for one sequence of length %d and its last target"
              .formatted(data.size(), sequenceLength + 1L, sequenceLength));
    }
    this.data = data;
    this.sequenceLength = sequenceLength;
    this.batchSize = batchSize;
    this.seed = seed;
    this.starts = starts();
    if (starts.length == 0) {
      throw new IllegalArgumentException(
          "none of the %d tokens counts towards the loss".formatted(data.size()));
    }
    this.order = new int[starts.length];
  }

  private int[] starts() {
    int[] found = new int[(data.size() - 1) / sequenceLength];
    int count = 0;
    for (int i = 0; i < found.length; i++) {
      int start = i * sequenceLength;
      if (counts(start)) {
        found[count++] = start;
      }
    }
    return Arrays.copyOf(found, count);
  }

  private boolean counts(int start) {
    for (int i = 1; i <= sequenceLength; i++) {
      if (data.counts(start + i)) {
        return true;
      }
    }
    return false;
  }

  /** {@return the next batch, a new one} */
  public Batch next() {
    Batch batch = new Batch(batchSize, sequenceLength);
    for (int row = 0; row < batchSize; row++) {
      shuffle(position / starts.length);
      batch.fill(row, data, starts[order[(int) (position % starts.length)]]);
      position++;
    }
    return batch;
  }

  private void shuffle(long epoch) {
    if (epoch == orderedEpoch) {
      return;
    }
    SplittableRandom random = new SplittableRandom(seed);
    for (long skipped = 0; skipped < epoch; skipped++) {
      random.nextLong();
    }
    SplittableRandom own = new SplittableRandom(random.nextLong());
    for (int i = 0; i < order.length; i++) {
      int other = own.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    orderedEpoch = epoch;
  }

  /** {@return the number of sequences taken so far, in all epochs together} */
  public long position() {
    return position;
  }

  /**
   * Goes to a position, as after resuming.
   *
   * @param sequences the number of sequences taken before, at least 0
   * @throws IllegalArgumentException if it is negative
   */
  public void seek(long sequences) {
    position = Checks.atLeast("position", sequences, 0);
  }

  /** {@return the number of sequences in an epoch} */
  public int sequences() {
    return starts.length;
  }

  /** {@return the tokens} */
  public TokenData data() {
    return data;
  }

  /** {@return the number of inputs in a sequence} */
  public int sequenceLength() {
    return sequenceLength;
  }

  /** {@return the number of sequences in a batch} */
  public int batchSize() {
    return batchSize;
  }

  /** {@return the seed} */
  public long seed() {
    return seed;
  }
}

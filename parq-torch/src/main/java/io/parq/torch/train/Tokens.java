package io.parq.torch.train;

import java.util.Arrays;

/** A growing list of tokens, as {@link TokenData} keeps them. */
final class Tokens {
  private static final int MAX = Integer.MAX_VALUE - 8;

  private int[] tokens = new int[1024];
  private int size;

  int size() {
    return size;
  }

  void add(int[] ids, boolean count) {
    ensure(ids.length);
    for (int id : ids) {
      tokens[size++] = count ? id : ~id;
    }
  }

  void add(int id, boolean count) {
    ensure(1);
    tokens[size++] = count ? id : ~id;
  }

  private void ensure(int more) {
    long needed = (long) size + more;
    if (needed > MAX) {
      throw new IllegalArgumentException("more than %d tokens".formatted(MAX));
    }
    if (needed > tokens.length) {
      long roomy = tokens.length * 3L / 2;
      tokens = Arrays.copyOf(tokens, (int) Math.min(MAX, Math.max(needed, roomy)));
    }
  }

  int[] toArray() {
    return Arrays.copyOf(tokens, size);
  }
}

package io.parq.runtime;

import java.util.Arrays;

/**
 * The text of tokens that grow in number, of which only the last ones are decoded each time. They
 * are decoded after some that are settled, for what a token stands for may depend on the one before
 * it.
 */
final class DecodedText {
  /** What decoders put for the bytes of a character that is not complete yet. */
  private static final String INCOMPLETE = "\uFFFD";

  /** Tokens that are settled together. */
  private static final int STEP = 8;

  private final Codec codec;

  /** The text of all tokens that are settled. */
  private String settled = "";

  /** How many are settled, and how many of the last of them are decoded again. */
  private int count;

  private int again;

  DecodedText(Codec codec) {
    this.codec = codec;
  }

  /** The text of the ids from {@code first} to {@code end}, of which no earlier one has changed. */
  String of(int[] ids, int first, int end) {
    int from = first + count - again;
    int known = decode(ids, from, first + count).length();
    String last = decode(ids, from, end);
    String text = settled + last.substring(Math.min(known, last.length()));
    if (end - first - count >= STEP && !last.endsWith(INCOMPLETE)) {
      settled = text;
      again = end - first - count;
      count = end - first;
    }
    return text;
  }

  private String decode(int[] ids, int from, int to) {
    return from == to ? "" : codec.decode(Arrays.copyOfRange(ids, from, to));
  }
}

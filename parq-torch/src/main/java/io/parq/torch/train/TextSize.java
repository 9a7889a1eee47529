package io.parq.torch.train;

/**
 * How long a text is, in the units that perplexities are given in.
 *
 * @param bytes in UTF-8
 * @param characters Unicode code points
 * @param words longest runs without white space ({@link Character#isWhitespace(int)})
 */
public record TextSize(long bytes, long characters, long words) {
  static final TextSize EMPTY = new TextSize(0, 0, 0);

  /**
   * Measures a text.
   *
   * @param text the text; half a surrogate pair counts as one character of one byte
   * @return its size
   */
  public static TextSize of(String text) {
    long bytes = 0;
    long characters = 0;
    long words = 0;
    boolean inWord = false;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      int point = text.codePointAt(i);
      characters++;
      bytes += utf8Length(point);
      boolean space = Character.isWhitespace(point);
      words += !space && !inWord ? 1 : 0;
      inWord = !space;
    }
    return new TextSize(bytes, characters, words);
  }

  private static int utf8Length(int point) {
    if (Character.getType(point) == Character.SURROGATE) {
      return 1;
    }
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }

  TextSize plus(TextSize other) {
    return new TextSize(bytes + other.bytes, characters + other.characters, words + other.words);
  }
}

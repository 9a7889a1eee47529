package io.parq.torch.train;

import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * A corpus as one stream of token ids, each with a mark that says whether it counts towards the
 * loss. The stream is held in memory, 4 bytes a token, so it is limited to 2^31 - 9 tokens; the
 * text it comes from is read piece by piece and may be larger than memory. Immutable.
 *
 * <p>A plain text is one running text without an end. A document of a JSONL file is preceded by the
 * token for the beginning of a text, if there is one, and followed by the one for the end. If there
 * is none for the beginning, the stream starts with one for the end, so that the first real token
 * can be predicted too. Tokens for the beginning do not count, nor does the first one.
 */
public final class TokenData {
  /** Ids; a token that does not count is kept as the complement of its id. */
  private final int[] tokens;

  private final TextSize textSize;

  TokenData(int[] tokens, TextSize textSize) {
    this.tokens = tokens;
    this.textSize = textSize;
  }

  /**
   * Reads a file: JSONL if its name ends with {@code .jsonl}, plain text otherwise; both in UTF-8.
   *
   * <p>Each line of a JSONL file is an object with either {@code "text"}, all of which counts, or
   * {@code "messages"}, a list of {@code {"role": "system" | "user" | "assistant", "content":
   * "..."}} of which only what the assistant says counts, with the mark that ends its turn; see
   * {@link ChatTemplate}. Other keys are ignored, and so are empty lines.
   *
   * <p>Plain text is tokenized in pieces of about a million characters, cut after a line's end
   * where there is one; tokens never span such a cut.
   *
   * @param file the file
   * @param codec turns text into ids
   * @param template how chats are written, for instance {@link ChatTemplate#of}
   * @return the tokens
   * @throws IllegalArgumentException if a line is not as described or the file holds no token; the
   *     message names file and line
   * @throws IOException if the file cannot be read or is not UTF-8
   */
  public static TokenData read(Path file, TextCodec codec, ChatTemplate template)
      throws IOException {
    return read(file, TextFormat.AUTO, codec, template);
  }

  /**
   * Reads a file of a known format, whatever its name is.
   *
   * @param file the file, in UTF-8
   * @param format how it is laid out
   * @param codec turns text into ids
   * @param template how chats are written, for instance {@link ChatTemplate#of}
   * @return the tokens
   * @throws IllegalArgumentException if a line is not of the format or the file holds no token; the
   *     message names file and line
   * @throws IOException if the file cannot be read or is not UTF-8
   */
  public static TokenData read(Path file, TextFormat format, TextCodec codec, ChatTemplate template)
      throws IOException {
    return new TokenReader(file.toString(), codec, template).read(file, format);
  }

  /**
   * Tokenizes a plain text.
   *
   * @param text not empty
   * @param codec turns text into ids
   * @return the tokens
   * @throws IllegalArgumentException if there is no token
   */
  public static TokenData ofText(String text, TextCodec codec) {
    try {
      return new TokenReader("text", codec, ChatTemplate.PLAIN).plainText(new StringReader(text));
    } catch (IOException e) {
      throw new IllegalStateException("reading a string failed", e);
    }
  }

  /**
   * Takes tokens as they are; all count.
   *
   * @param ids at least 0 each; copied
   * @param size the text that they stand for, for perplexities
   * @return the tokens
   * @throws IllegalArgumentException if an id is negative
   */
  public static TokenData of(int[] ids, TextSize size) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0) {
        throw new IllegalArgumentException(
            "token %d is %d, expected at least 0".formatted(i, ids[i]));
      }
    }
    return new TokenData(ids.clone(), size);
  }

  /** {@return the number of tokens} */
  public int size() {
    return tokens.length;
  }

  /**
   * {@return the id of a token}
   *
   * @param index 0 to below {@link #size}
   */
  public int id(int index) {
    return tokens[index] < 0 ? ~tokens[index] : tokens[index];
  }

  /**
   * {@return whether a token counts towards the loss}
   *
   * @param index 0 to below {@link #size}
   */
  public boolean counts(int index) {
    return tokens[index] >= 0;
  }

  /** {@return the size of the text that counts} */
  public TextSize textSize() {
    return textSize;
  }

  /** {@return a checksum (CRC32C) of ids and marks, in hexadecimal} */
  public String checksum() {
    CRC32C crc = new CRC32C();
    byte[] bytes = new byte[4 * 4096];
    for (int start = 0; start < tokens.length; start += 4096) {
      int count = Math.min(4096, tokens.length - start);
      ByteBuffer.wrap(bytes).asIntBuffer().put(tokens, start, count);
      crc.update(bytes, 0, 4 * count);
    }
    return "%08x".formatted(crc.getValue());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TokenData data
        && Arrays.equals(tokens, data.tokens)
        && textSize.equals(data.textSize);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(tokens);
  }

  @Override
  public String toString() {
    return tokens.length + " tokens";
  }
}

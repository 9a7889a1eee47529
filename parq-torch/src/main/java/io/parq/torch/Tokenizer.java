package io.parq.torch;

import io.parq.export.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;

/** Turns text into token ids and back. Thread-safe until it is closed. */
public sealed interface Tokenizer extends AutoCloseable permits ByteTokenizer, FolderTokenizer {

  /**
   * Reads the tokenizer of a Hugging Face folder, with nothing fetched from elsewhere.
   *
   * @param folder a folder with {@code tokenizer.json}
   * @return the tokenizer, to be closed by the caller
   * @throws java.nio.file.NoSuchFileException if there is no {@code tokenizer.json}
   * @throws ModelFormatException if it cannot be understood
   * @throws IOException if it cannot be read
   */
  static Tokenizer load(Path folder) throws IOException {
    return FolderTokenizer.load(folder.resolve("tokenizer.json"));
  }

  /**
   * {@return a tokenizer whose 256 tokens are the bytes of UTF-8, ids being their values; for
   * models trained from scratch}
   */
  static Tokenizer bytes() {
    return new ByteTokenizer();
  }

  /**
   * Turns a text into tokens. Special tokens that are spelled out in the text are recognized.
   *
   * @param text any text
   * @param framed whether the tokens that the tokenizer puts around a text, such as one for its
   *     beginning, are added
   * @return the ids
   */
  int[] encode(String text, boolean framed);

  /**
   * Turns tokens into text.
   *
   * @param ids token ids; bytes that are not UTF-8, such as a part of a character, become U+FFFD
   * @param special whether special tokens are spelled out; otherwise they are left out
   * @return the text
   */
  String decode(int[] ids, boolean special);

  /**
   * Looks a token up, such as the one that ends a turn in a chat.
   *
   * @param token its text
   * @return its id, or nothing if the text is not exactly one token
   */
  default OptionalInt find(String token) {
    int[] ids = encode(token, false);
    return ids.length == 1 && decode(ids, true).equals(token)
        ? OptionalInt.of(ids[0])
        : OptionalInt.empty();
  }

  /**
   * Writes the tokenizer's own files into a model's folder, so that Hugging Face's libraries read
   * it.
   *
   * @param folder the folder; made if it is missing
   * @throws IOException if writing fails
   */
  void save(Path folder) throws IOException;

  /** Frees native memory. Closing twice does nothing. */
  @Override
  void close();
}

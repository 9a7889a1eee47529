package io.parq.torch.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.torch.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * A tokenizer, with what a model takes for the beginning and the end of a text.
 *
 * @param tokenizer turns text into ids and back
 * @param begin the token that precedes every text, if the model was trained so
 * @param ends the tokens that end a text, of which the first is put between documents; may be none
 */
public record TextCodec(Tokenizer tokenizer, OptionalInt begin, List<Integer> ends)
    implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A byte that no UTF-8 text has. */
  private static final int END_BYTE = 0xff;

  /** Copies the list. */
  public TextCodec {
    ends = List.copyOf(ends);
  }

  /**
   * {@return the bytes of UTF-8 as tokens, for models trained from scratch; the text's end is byte
   * 255, which no text has}
   */
  public static TextCodec bytes() {
    return new TextCodec(Tokenizer.bytes(), OptionalInt.empty(), List.of(END_BYTE));
  }

  /**
   * Reads a Hugging Face folder: {@code tokenizer.json}, and {@code eos_token_id}, a number or a
   * list, of {@code config.json} and then of {@code generation_config.json}. The token for the
   * beginning is what the tokenizer itself puts before a text.
   *
   * @param folder the model's folder
   * @return the codec, to be closed by the caller
   * @throws IllegalArgumentException if an {@code eos_token_id} is neither
   * @throws IOException if a file cannot be read
   */
  public static TextCodec load(Path folder) throws IOException {
    List<Integer> ends = new ArrayList<>();
    for (String name : List.of("config.json", "generation_config.json")) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        addEnds(file, JSON.readTree(file.toFile()).path("eos_token_id"), ends);
      }
    }
    Tokenizer tokenizer = Tokenizer.load(folder);
    return new TextCodec(tokenizer, beginning(tokenizer), ends);
  }

  private static void addEnds(Path file, JsonNode value, List<Integer> ends) {
    for (JsonNode id : value.isArray() ? value : List.of(value)) {
      if (id.isInt() && id.intValue() >= 0) {
        if (!ends.contains(id.intValue())) {
          ends.add(id.intValue());
        }
      } else if (!id.isNull() && !id.isMissingNode()) {
        throw new IllegalArgumentException(
            "%s: eos_token_id is %s, expected a token id or a list of them".formatted(file, value));
      }
    }
  }

  private static OptionalInt beginning(Tokenizer tokenizer) {
    int[] plain = tokenizer.encode("a", false);
    int[] framed = tokenizer.encode("a", true);
    boolean begins = framed.length > plain.length && framed[0] != plain[0];
    return begins ? OptionalInt.of(framed[0]) : OptionalInt.empty();
  }

  /** {@return the token that is put between documents} */
  OptionalInt end() {
    return ends.isEmpty() ? OptionalInt.empty() : OptionalInt.of(ends.getFirst());
  }

  /** {@return what stands before the first token of a text, so that it can be predicted too} */
  OptionalInt start() {
    return begin.isPresent() ? begin : end();
  }

  /** {@return the ids of a text, without tokens for its beginning and end} */
  int[] encode(String text) {
    return tokenizer.encode(text, false);
  }

  /** {@return the text of ids, special ones left out} */
  String decode(int[] ids) {
    return tokenizer.decode(ids, false);
  }

  /** Closes the tokenizer. */
  @Override
  public void close() {
    tokenizer.close();
  }
}

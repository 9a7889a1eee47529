package io.parq.runtime;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns text into tokens and back: a folder's tokenizer.json, understood by Hugging Face's own
 * library; or without one the bytes of UTF-8, of which 255, which no text has, ends a text.
 */
final class Codec implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TOKENIZER = "tokenizer.json";
  private static final int BYTES = 256;

  private final @Nullable HuggingFaceTokenizer tokenizer;

  /** Where a tokenizer was looked for, if the tokens are not bytes either. */
  private final @Nullable String missing;

  private final OptionalInt begin;
  private final Set<Integer> ends;

  private Codec(
      @Nullable HuggingFaceTokenizer tokenizer,
      @Nullable String missing,
      OptionalInt begin,
      Set<Integer> ends) {
    this.tokenizer = tokenizer;
    this.missing = missing;
    this.begin = begin;
    this.ends = ends;
  }

  /**
   * Reads a tokenizer.
   *
   * @param files tokenizer.json, config.json and generation_config.json, as far as there are
   * @param vocabulary number of the model's tokens; if it is neither bytes nor has a tokenizer,
   *     text cannot be read
   */
  static Codec load(TextFiles files, int vocabulary) throws IOException {
    String json = files.read(TOKENIZER);
    if (json == null) {
      boolean isBytes = vocabulary >= BYTES && vocabulary < 2 * BYTES;
      String missing = isBytes ? null : files.place(TOKENIZER);
      return new Codec(null, missing, OptionalInt.empty(), Set.of(BYTES - 1));
    }
    Set<Integer> ends = new LinkedHashSet<>();
    for (String name : new String[] {"config.json", "generation_config.json"}) {
      String text = files.read(name);
      if (text != null) {
        addEnds(files.place(name), JSON.readTree(text).path("eos_token_id"), ends);
      }
    }
    HuggingFaceTokenizer tokenizer = tokenizer(files.place(TOKENIZER), json);
    return new Codec(tokenizer, null, beginning(tokenizer), ends);
  }

  private static HuggingFaceTokenizer tokenizer(String place, String json) throws IOException {
    // Without this the library reports its use on some clouds, and downloads builds for GPUs.
    if (System.getenv("DJL_OFFLINE") == null && System.getProperty("ai.djl.offline") == null) {
      System.setProperty("ai.djl.offline", "true");
    }
    try (InputStream in = new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8))) {
      return HuggingFaceTokenizer.newInstance(
          in, Map.of("truncation", "false", "padding", "false"));
    } catch (RuntimeException e) {
      throw new IOException(place + ": no valid tokenizer: " + e.getMessage(), e);
    }
  }

  private static void addEnds(String place, JsonNode value, Set<Integer> ends) throws IOException {
    for (JsonNode id : value.isArray() ? value : java.util.List.of(value)) {
      if (id.isInt() && id.intValue() >= 0) {
        ends.add(id.intValue());
      } else if (!id.isNull() && !id.isMissingNode()) {
        throw new IOException(
            "%s: eos_token_id is %s, expected a token id or a list of them"
                .formatted(place, value));
      }
    }
  }

  /** What the tokenizer puts before a text. */
  private static OptionalInt beginning(HuggingFaceTokenizer tokenizer) {
    long[] plain = tokenizer.encode("a", false, false).getIds();
    long[] framed = tokenizer.encode("a", true, false).getIds();
    boolean begins = framed.length > plain.length && framed[0] != plain[0];
    return begins ? OptionalInt.of((int) framed[0]) : OptionalInt.empty();
  }

  /**
   * The tokens of a prompt, after the one that begins a text, if there is one; an empty prompt is
   * replaced by the token that begins or else the one that ends a text.
   */
  int[] prompt(String text) {
    int[] ids = encode(text);
    OptionalInt first =
        ids.length > 0 || begin.isPresent() || ends.isEmpty()
            ? begin
            : OptionalInt.of(ends.iterator().next());
    if (first.isEmpty()) {
      if (ids.length == 0) {
        throw new IllegalArgumentException(
            "empty prompt, expected a token, for there is none that begins or ends a text");
      }
      return ids;
    }
    int[] longer = new int[ids.length + 1];
    longer[0] = first.getAsInt();
    System.arraycopy(ids, 0, longer, 1, ids.length);
    return longer;
  }

  /** The tokens of a text; special ones that are spelled out are recognized. */
  int[] encode(String text) {
    if (tokenizer != null) {
      return Arrays.stream(tokenizer.encode(text, false, false).getIds())
          .mapToInt(Math::toIntExact)
          .toArray();
    }
    checkBytes();
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    Arrays.setAll(ids, i -> Byte.toUnsignedInt(bytes[i]));
    return ids;
  }

  /** The text of tokens, special ones left out; bytes that are not UTF-8 become U+FFFD. */
  String decode(int[] ids) {
    if (tokenizer != null) {
      return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), true);
    }
    checkBytes();
    byte[] bytes = new byte[ids.length];
    for (int i = 0; i < ids.length; i++) {
      bytes[i] = (byte) ids[i];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private void checkBytes() {
    if (missing != null) {
      throw new IllegalStateException(missing + ": not found, expected the model's tokenizer");
    }
  }

  boolean ends(int id) {
    return ends.contains(id);
  }

  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
  }
}

package io.parq.export.gguf;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.model.ModelConfig;
import io.parq.export.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A folder's tokenizer as llama.cpp wants it: {@code gpt2} for byte-level pairs, among them a
 * vocabulary of the 256 bytes, {@code llama} for SentencePiece's pairs with bytes to fall back on,
 * {@code none} if the folder has no tokenizer.json.
 *
 * <p>llama.cpp merges SentencePiece tokens by their scores, the highest first; here the score of a
 * token is minus the rank of the merge that makes it, so that both merge alike.
 */
final class Vocabulary {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final String PREFIX = "tokenizer.ggml.";
  private static final char SPACE = '\u2581';

  static final int NORMAL = 1;
  static final int UNKNOWN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  static final int UNUSED = 5;
  private static final int BYTE = 6;

  /** Scores of tokens that no merge makes: below all of SentencePiece, whose least is -1e9. */
  static final float UNMERGED = -2e9f;

  private final JsonNode tokenizer;
  private final JsonNode settings;
  private final JsonNode config;
  private final JsonNode model;
  private final Path folder;
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<String> tokens = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();

  private Vocabulary(Path folder, String config) throws IOException {
    this.folder = folder;
    this.tokenizer = json(folder, "tokenizer.json");
    this.settings = json(folder, "tokenizer_config.json");
    this.config = MAPPER.readTree(config);
    this.model = tokenizer.path("model");
  }

  /** Adds the tokenizer of a folder, with as many tokens as the embedding has rows. */
  static void put(Path folder, ModelConfig config, Metadata metadata) throws IOException {
    new Vocabulary(folder, config.json()).put(config.vocabSize(), metadata);
  }

  /** Reads a JSON file of a folder, or returns an empty object if there is none. */
  private static JsonNode json(Path folder, String name) throws IOException {
    Path file = folder.resolve(name);
    if (!Files.isRegularFile(file)) {
      return MAPPER.createObjectNode();
    }
    try {
      JsonNode node = MAPPER.readTree(Files.readString(file));
      if (!(node instanceof ObjectNode)) {
        throw new ModelFormatException(file, "expected a JSON object");
      }
      return node;
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(
          file, new IllegalArgumentException("not valid JSON: " + e.getOriginalMessage(), e));
    }
  }

  private void put(int size, Metadata metadata) throws IOException {
    if (tokenizer.isEmpty()) {
      metadata.put(PREFIX + "model", "none");
      return;
    }
    if (!model.path("type").asText().equals("BPE")) {
      throw new IllegalArgumentException(
          "tokenizer.json: model type %s, expected BPE".formatted(model.path("type")));
    }
    boolean sentencePiece = model.path("byte_fallback").asBoolean();
    readTokens(size, sentencePiece);
    metadata.put(PREFIX + "model", sentencePiece ? "llama" : "gpt2");
    metadata.put(PREFIX + "pre", sentencePiece ? "default" : PreTokenizer.name(tokenizer));
    metadata.putTexts(PREFIX + "tokens", tokens);
    metadata.putInts(PREFIX + "token_type", types);
    if (sentencePiece) {
      metadata.putFloats(PREFIX + "scores", scores());
      metadata.put(PREFIX + "add_space_prefix", addsSpace());
    } else {
      metadata.putTexts(PREFIX + "merges", merges().stream().map(Vocabulary::spaced).toList());
    }
    putSpecial(metadata);
    putTemplate(metadata);
  }

  private void readTokens(int size, boolean sentencePiece) {
    tokens.addAll(Collections.nCopies(size, ""));
    types.addAll(Collections.nCopies(size, UNUSED));
    for (int i = 0; i < size; i++) {
      tokens.set(i, "[PAD" + i + "]");
    }
    model
        .path("vocab")
        .properties()
        .forEach(
            entry -> {
              String text = entry.getKey();
              set(entry.getValue().asInt(-1), text, text, type(text, sentencePiece));
            });
    for (JsonNode added : tokenizer.path("added_tokens")) {
      String text = added.path("content").asText();
      int id = added.path("id").asInt(-1);
      ids.put(text, id);
      // Rows for these may have been cut off, as for the images of gemma 3.
      if (id < size) {
        addSpecial(id, text, added.path("special").asBoolean());
      }
    }
  }

  private void addSpecial(int id, String text, boolean special) {
    boolean unknown = text.equals(model.path("unk_token").asText());
    if (unknown) {
      set(id, text, text, UNKNOWN);
    } else if (special || looksSpecial(text)) {
      set(id, text, text, CONTROL);
    } else {
      set(id, text, text.replace(SPACE, ' '), USER_DEFINED);
    }
  }

  private void set(int id, String text, String stored, int type) {
    if (id < 0 || id >= tokens.size()) {
      throw new IllegalArgumentException(
          "tokenizer.json: token '%s' has id %d, expected 0 to %d, the rows of the embedding"
              .formatted(text, id, tokens.size() - 1));
    }
    ids.put(text, id);
    tokens.set(id, stored);
    types.set(id, type);
  }

  private int type(String text, boolean sentencePiece) {
    if (sentencePiece && text.matches("<0x[0-9A-F]{2}>")) {
      return BYTE;
    }
    return sentencePiece && text.equals(model.path("unk_token").asText()) ? UNKNOWN : NORMAL;
  }

  /** Some folders do not say that these are special. */
  private static boolean looksSpecial(String text) {
    return text.equals("<pad>")
        || text.equals("<mask>")
        || text.matches("(?s)<\\|.*\\|>|<\uff5c.*\uff5c>|<unused.*>");
  }

  /** Pairs, in the newer spelling (lists) or the older (with a space between). */
  private List<List<String>> merges() {
    List<List<String>> merges = new ArrayList<>();
    for (JsonNode merge : model.path("merges")) {
      if (merge.isArray() && merge.size() == 2) {
        merges.add(List.of(merge.get(0).asText(), merge.get(1).asText()));
      } else {
        String pair = merge.asText();
        int space = pair.indexOf(' ', 1);
        if (space < 0) {
          throw new IllegalArgumentException(
              "tokenizer.json: merge %s, expected two tokens".formatted(merge));
        }
        merges.add(List.of(pair.substring(0, space), pair.substring(space + 1)));
      }
    }
    return merges;
  }

  private static String spaced(List<String> pair) {
    if (pair.getFirst().contains(" ") || pair.getLast().contains(" ")) {
      throw new IllegalArgumentException(
          "tokenizer.json: merge %s, expected none with a space".formatted(pair));
    }
    return pair.getFirst() + " " + pair.getLast();
  }

  private List<Float> scores() {
    List<Float> scores = new ArrayList<>(Collections.nCopies(tokens.size(), UNMERGED));
    int rank = 0;
    for (List<String> pair : merges()) {
      Integer id = ids.get(pair.getFirst() + pair.getLast());
      if (id != null && id < scores.size() && scores.get(id) == UNMERGED) {
        scores.set(id, (float) -rank++);
      }
    }
    return scores;
  }

  /** Whether a space is put before a text: by the normalizer or by the pre-tokenizer. */
  private boolean addsSpace() {
    JsonNode normalizer = tokenizer.path("normalizer");
    for (JsonNode step : normalizer.path("normalizers")) {
      if (step.path("type").asText().equals("Prepend")) {
        return true;
      }
    }
    JsonNode before = tokenizer.path("pre_tokenizer");
    boolean metaspace = before.path("type").asText().equals("Metaspace");
    boolean never = before.path("prepend_scheme").asText().equals("never");
    boolean old = before.path("add_prefix_space").asBoolean(true);
    return normalizer.path("type").asText().equals("Prepend") || (metaspace && !never && old);
  }

  private void putSpecial(Metadata metadata) throws IOException {
    Integer bos = special("bos");
    put(metadata, "bos", bos);
    put(metadata, "eos", special("eos"));
    put(metadata, "padding", special("pad"));
    String unknown = model.path("unk_token").textValue();
    put(metadata, "unknown", unknown == null ? special("unk") : ids.get(unknown));
    metadata.put(PREFIX + "add_bos_token", bos != null && frames(bos, true));
    Integer eos = special("eos");
    metadata.put(PREFIX + "add_eos_token", eos != null && frames(eos, false));
  }

  private void put(Metadata metadata, String name, @Nullable Integer id) {
    if (id != null && id < tokens.size()) {
      metadata.put(PREFIX + name + "_token_id", id);
    }
  }

  /** By its text in tokenizer_config.json, or else by its id in config.json or its likes. */
  private @Nullable Integer special(String name) throws IOException {
    JsonNode text = settings.path(name + "_token");
    String content = text.isObject() ? text.path("content").textValue() : text.textValue();
    if (content != null && ids.containsKey(content)) {
      return ids.get(content);
    }
    String key = name + "_token_id";
    JsonNode generation = json(folder, "generation_config.json");
    for (JsonNode place : List.of(config, generation)) {
      JsonNode id = place.path(key);
      JsonNode first = id.isArray() ? id.path(0) : id;
      if (first.isIntegralNumber()) {
        return first.intValue();
      }
    }
    return null;
  }

  /** Whether the tokenizer puts a token before (or behind) each text. */
  private boolean frames(int id, boolean before) {
    List<JsonNode> processors = new ArrayList<>();
    JsonNode processor = tokenizer.path("post_processor");
    processors.add(processor);
    processor.path("processors").forEach(processors::add);
    for (JsonNode one : processors) {
      JsonNode single = one.path("single");
      if (single.size() > 1) {
        JsonNode outer = single.get(before ? 0 : single.size() - 1).path("SpecialToken").path("id");
        return outer.isTextual() && Integer.valueOf(id).equals(ids.get(outer.textValue()));
      }
    }
    return false;
  }

  private void putTemplate(Metadata metadata) throws IOException {
    Path file = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      metadata.put("tokenizer.chat_template", Files.readString(file));
      return;
    }
    JsonNode template = settings.path("chat_template");
    if (template.isTextual()) {
      metadata.put("tokenizer.chat_template", template.textValue());
    }
    for (JsonNode named : template.isArray() ? template : settings.path("no such key")) {
      if (named.path("name").asText().equals("default")) {
        metadata.put("tokenizer.chat_template", named.path("template").asText());
      }
    }
  }
}

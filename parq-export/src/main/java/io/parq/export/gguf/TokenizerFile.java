package io.parq.export.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes tokenizer.json from a header: {@code gpt2} is byte-level pair encoding; {@code llama} is
 * SentencePiece's, in which the pair whose token has the highest score is merged first, so the
 * merges are all pairs that make a token, in the order of its score.
 *
 * <p>Source: llama.cpp's {@code llama-vocab.cpp}.
 */
final class TokenizerFile {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String SPACE = "\u2581";

  /** What ends a turn or a text in the families that are known, whatever else a file says. */
  private static final Set<String> ENDS =
      Set.of(
          "<|eot_id|>",
          "<|eom_id|>",
          "<|im_end|>",
          "<|end|>",
          "<end_of_turn>",
          "<|endoftext|>",
          "<|end_of_text|>",
          "</s>");

  private record Merge(String left, String right, float score) {}

  private final Values values;
  private final boolean sentencePiece;
  private final List<String> tokens;
  private final int[] types;

  private TokenizerFile(Values values, boolean sentencePiece) {
    this.values = values;
    this.sentencePiece = sentencePiece;
    tokens = values.list("tokens", String.class);
    types = new int[tokens.size()];
    java.util.Arrays.fill(types, Vocabulary.NORMAL);
    if (values.has("token_type")) {
      List<Long> found = values.list("token_type", Long.class);
      if (found.size() != types.length) {
        throw values.error("token_type", "one for each of %d tokens".formatted(types.length));
      }
      java.util.Arrays.setAll(types, i -> found.get(i).intValue());
    }
  }

  /**
   * Reads the header.
   *
   * @return null if the file has no tokenizer
   * @throws IllegalArgumentException if it is of a kind that is not known
   */
  static @Nullable TokenizerFile of(Values values) {
    return switch (values.text("model", "none")) {
      case "none", "no_vocab" -> null;
      case "gpt2" -> new TokenizerFile(values, false);
      case "llama" -> new TokenizerFile(values, true);
      default -> throw values.error("model", "gpt2, llama or none");
    };
  }

  /** The tokens that end a text, the one that the file names first. */
  List<Integer> ends() {
    Set<Integer> ends = new LinkedHashSet<>();
    for (String name : List.of("eos", "eot", "eom")) {
      Integer id = special(name);
      if (id != null) {
        ends.add(id);
      }
    }
    for (int i = 0; i < types.length; i++) {
      if (ENDS.contains(tokens.get(i)) && types[i] != Vocabulary.NORMAL) {
        ends.add(i);
      }
    }
    return List.copyOf(ends);
  }

  private @Nullable Integer special(String name) {
    Integer id = values.id(name + "_token_id", types.length);
    if (id != null || !sentencePiece) {
      return id;
    }
    return switch (name) {
      case "bos" -> 1;
      case "eos" -> 2;
      case "unknown" -> 0;
      default -> null;
    };
  }

  /** What goes into tokenizer_config.json. */
  ObjectNode settings() {
    ObjectNode settings = JSON.objectNode();
    settings.put("tokenizer_class", "PreTrainedTokenizerFast");
    settings.put("clean_up_tokenization_spaces", false);
    for (String name : List.of("bos", "eos")) {
      Integer id = special(name);
      if (id != null) {
        settings.put(name + "_token", tokens.get(id));
      }
    }
    settings.put("add_bos_token", addsBegin());
    return settings;
  }

  private boolean addsBegin() {
    String pre = values.text("pre", "default");
    boolean usual = sentencePiece || PreTokenizer.addsBegin(pre);
    return values.flag("add_bos_token", usual) && special("bos") != null;
  }

  /**
   * Makes the file.
   *
   * @throws IllegalArgumentException if the way to cut text is not known
   */
  ObjectNode json() {
    ObjectNode root = JSON.objectNode();
    root.put("version", "1.0");
    root.putNull("truncation").putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    ObjectNode vocabulary = JSON.objectNode();
    for (int i = 0; i < types.length; i++) {
      String text = tokens.get(i);
      switch (types[i]) {
        case Vocabulary.CONTROL, Vocabulary.UNKNOWN -> added(added, i, text, true);
        case Vocabulary.USER_DEFINED -> added(added, i, text, false);
        default -> {}
      }
      if (types[i] != Vocabulary.UNUSED) {
        vocabulary.put(text, i);
      }
    }
    if (sentencePiece) {
      putPieces(root);
    } else {
      putBytes(root);
    }
    root.set("post_processor", frame());
    ObjectNode model = root.putObject("model");
    model.put("type", "BPE").putNull("dropout");
    Integer unknown = sentencePiece ? special("unknown") : null;
    model.put("unk_token", unknown == null ? null : tokens.get(unknown));
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", sentencePiece).put("byte_fallback", sentencePiece);
    model.put("ignore_merges", !sentencePiece && PreTokenizer.ignoresMerges(pre()));
    model.set("vocab", vocabulary);
    model.set("merges", sentencePiece ? pieceMerges() : byteMerges());
    return root;
  }

  private static void added(ArrayNode added, int id, String text, boolean special) {
    ObjectNode token = added.addObject().put("id", id).put("content", text);
    for (String key : List.of("single_word", "lstrip", "rstrip", "normalized")) {
      token.put(key, false);
    }
    token.put("special", special);
  }

  private String pre() {
    return values.text("pre", "default");
  }

  private void putBytes(ObjectNode root) {
    ArrayNode merges = byteMerges();
    root.set("normalizer", PreTokenizer.normalizer(pre()));
    root.set("pre_tokenizer", PreTokenizer.json(merges.isEmpty() ? "gpt-2" : pre()));
    root.set("decoder", PreTokenizer.byteLevel(false));
  }

  private ArrayNode byteMerges() {
    ArrayNode merges = JSON.arrayNode();
    if (values.has("merges")) {
      values.list("merges", String.class).forEach(merges::add);
    }
    return merges;
  }

  private void putPieces(ObjectNode root) {
    boolean prefix = values.flag("add_space_prefix", true);
    ObjectNode normalizer = JSON.objectNode().put("type", "Sequence");
    ArrayNode steps = normalizer.putArray("normalizers");
    if (prefix) {
      steps.addObject().put("type", "Prepend").put("prepend", SPACE);
    }
    steps.add(replace(" ", SPACE));
    root.set("normalizer", normalizer);
    root.putNull("pre_tokenizer");
    ObjectNode decoder = root.putObject("decoder").put("type", "Sequence");
    ArrayNode parts = decoder.putArray("decoders");
    parts.add(replace(SPACE, " "));
    parts.addObject().put("type", "ByteFallback");
    parts.addObject().put("type", "Fuse");
    if (prefix) {
      parts.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
  }

  private static ObjectNode replace(String from, String to) {
    ObjectNode step = JSON.objectNode().put("type", "Replace");
    step.putObject("pattern").put("String", from);
    return step.put("content", to);
  }

  private ArrayNode pieceMerges() {
    List<Float> scores = values.list("scores", Float.class);
    if (scores.size() != types.length) {
      throw values.error("scores", "one for each of %d tokens".formatted(types.length));
    }
    Map<String, Integer> pieces = new HashMap<>();
    for (int i = 0; i < types.length; i++) {
      if (types[i] == Vocabulary.NORMAL) {
        pieces.put(tokens.get(i), i);
      }
    }
    List<Merge> merges = new ArrayList<>();
    for (String piece : pieces.keySet()) {
      float score = scores.get(pieces.get(piece));
      if (score <= Vocabulary.UNMERGED) {
        continue;
      }
      for (int at = 1; at < piece.length(); at++) {
        String left = piece.substring(0, at);
        String right = piece.substring(at);
        if (pieces.containsKey(left) && pieces.containsKey(right)) {
          merges.add(new Merge(left, right, score));
        }
      }
    }
    merges.sort(
        Comparator.comparing(Merge::score)
            .thenComparing(merge -> merge.left().length())
            .reversed()
            .thenComparing(merge -> pieces.getOrDefault(merge.left() + merge.right(), 0)));
    ArrayNode json = JSON.arrayNode();
    merges.forEach(merge -> json.addArray().add(merge.left()).add(merge.right()));
    return json;
  }

  /** Puts the token for the beginning before a text, if the model wants that. */
  private ObjectNode frame() {
    if (!addsBegin()) {
      return JSON.objectNode()
          .put("type", "ByteLevel")
          .put("add_prefix_space", false)
          .put("trim_offsets", false)
          .put("use_regex", false);
    }
    int id = java.util.Objects.requireNonNull(special("bos"));
    String text = tokens.get(id);
    ObjectNode json = JSON.objectNode().put("type", "TemplateProcessing");
    ArrayNode single = json.putArray("single");
    single.addObject().putObject("SpecialToken").put("id", text).put("type_id", 0);
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    ArrayNode pair = json.putArray("pair");
    pair.add(single.get(0)).add(single.get(1));
    pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
    ObjectNode token = json.putObject("special_tokens").putObject(text).put("id", text);
    token.putArray("ids").add(id);
    token.putArray("tokens").add(text);
    return json;
  }
}

package io.parq.export.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How text is cut before pairs are merged: llama.cpp knows some ways by name. The name follows from
 * the patterns in tokenizer.json, and the patterns from the name.
 *
 * <p>Source: {@code llama-vocab.cpp}, which quotes the patterns that it stands for.
 */
final class PreTokenizer {
  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String REST = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
  private static final String SYMBOLS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
  private static final String PATHS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";
  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String NO_LETTER = "[^\\r\\n\\p{L}\\p{N}]?";

  private static final String LLAMA3 =
      CONTRACTIONS + "|" + LETTERS + "|\\p{N}{1,3}" + SYMBOLS + REST;
  private static final String QWEN2 = CONTRACTIONS + "|" + LETTERS + "|\\p{N}" + SYMBOLS + REST;

  private static final String TEKKEN = cased("") + "|\\p{N}" + PATHS + REST;
  private static final String GPT4O = cased(CONTRACTIONS + "?") + "|\\p{N}{1,3}" + PATHS + REST;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private static final Map<String, String> NAMES =
      Map.of(QWEN2, "qwen2", TEKKEN, "tekken", GPT4O, "gpt-4o");

  private PreTokenizer() {}

  private static String cased(String end) {
    return NO_LETTER + UPPER + "*" + LOWER + "+" + end + "|" + NO_LETTER + UPPER + "+" + LOWER + "*"
        + end;
  }

  /**
   * Finds the name.
   *
   * @param tokenizer a byte-level tokenizer.json
   * @throws IllegalArgumentException if llama.cpp has no name for it
   */
  static String name(JsonNode tokenizer) {
    JsonNode model = tokenizer.path("model");
    if (model.path("merges").isEmpty()) {
      // Without merges each byte is a token, wherever text is cut.
      return "gpt-2";
    }
    String name = name(steps(tokenizer.path("pre_tokenizer")), model);
    if (name == null) {
      throw new IllegalArgumentException(
          "tokenizer.json: pre_tokenizer %s, expected that of gpt-2, llama 3, qwen 2, phi 4, gpt-4o,"
                  .formatted(tokenizer.path("pre_tokenizer"))
              + " tekken or smollm");
    }
    return name;
  }

  private static List<JsonNode> steps(JsonNode node) {
    List<JsonNode> steps = new ArrayList<>();
    if (node.path("type").asText().equals("Sequence")) {
      node.path("pretokenizers").forEach(step -> steps.addAll(steps(step)));
    } else if (node.isObject()) {
      steps.add(node);
    }
    return steps;
  }

  private static @Nullable String name(List<JsonNode> steps, JsonNode model) {
    if (steps.isEmpty() || !steps.getLast().path("type").asText().equals("ByteLevel")) {
      return null;
    }
    boolean gpt2 = steps.getLast().path("use_regex").asBoolean(true);
    JsonNode first = steps.getFirst();
    if (steps.size() == 1) {
      return gpt2 && !first.path("add_prefix_space").asBoolean(true) ? "gpt-2" : null;
    }
    if (steps.size() != 2) {
      return null;
    }
    return switch (first.path("type").asText()) {
      case "Digits" -> gpt2 && first.path("individual_digits").asBoolean() ? "smollm" : null;
      case "Split" -> gpt2 ? null : ofPattern(first.path("pattern").path("Regex").asText(), model);
      default -> null;
    };
  }

  /** Those of llama 3 and phi 4 differ in whether a word that is a token is left whole. */
  private static @Nullable String ofPattern(String pattern, JsonNode model) {
    if (pattern.equals(LLAMA3)) {
      return model.path("ignore_merges").asBoolean() ? "llama-bpe" : "dbrx";
    }
    return NAMES.get(pattern);
  }

  /**
   * The {@code pre_tokenizer} of tokenizer.json.
   *
   * @param name llama.cpp's
   * @throws IllegalArgumentException if it is none that is known
   */
  static ObjectNode json(String name) {
    return switch (name) {
      case "gpt-2", "phi-2" -> byteLevel(true);
      case "llama-bpe", "llama3", "llama-v3", "dbrx" -> split(LLAMA3);
      case "qwen2", "deepseek-r1-qwen" -> split(QWEN2);
      case "tekken" -> split(TEKKEN);
      case "gpt-4o", "llama4" -> split(GPT4O);
      case "smollm" -> {
        ObjectNode digits = JSON.objectNode().put("type", "Digits").put("individual_digits", true);
        yield sequence(digits, byteLevel(true));
      }
      default ->
          throw new IllegalArgumentException(
              "tokenizer.ggml.pre: %s, expected gpt-2, llama-bpe, dbrx, qwen2, gpt-4o, tekken or smollm"
                  .formatted(name));
    };
  }

  private static ObjectNode split(String pattern) {
    ObjectNode split = JSON.objectNode().put("type", "Split");
    split.putObject("pattern").put("Regex", pattern);
    return sequence(split.put("behavior", "Isolated").put("invert", false), byteLevel(false));
  }

  private static ObjectNode sequence(ObjectNode first, ObjectNode second) {
    ObjectNode sequence = JSON.objectNode().put("type", "Sequence");
    sequence.putArray("pretokenizers").add(first).add(second);
    return sequence;
  }

  /** Bytes as printable characters, and if asked for GPT-2's pattern before. */
  static ObjectNode byteLevel(boolean pattern) {
    return JSON.objectNode()
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", pattern);
  }

  /** The {@code normalizer}: Qwen composes characters, which files do not say. */
  static JsonNode normalizer(String name) {
    return name.equals("qwen2") || name.equals("deepseek-r1-qwen")
        ? JSON.objectNode().put("type", "NFC")
        : JSON.nullNode();
  }

  /** Whether a word that is a token is left whole. */
  static boolean ignoresMerges(String name) {
    return addsBegin(name);
  }

  /** Whether a text begins with a token for that, unless the file says otherwise. */
  static boolean addsBegin(String name) {
    return List.of("llama-bpe", "llama3", "llama-v3", "tekken").contains(name);
  }
}

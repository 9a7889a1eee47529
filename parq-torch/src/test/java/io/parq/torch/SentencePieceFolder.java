package io.parq.torch;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A tokenizer.json as Llama 2 has it: pairs of SentencePiece, with bytes to fall back on. */
final class SentencePieceFolder {
  private static final char SPACE = '\u2581';
  private static final List<String> MERGES =
      List.of(
          "_ t", "h e", "_t he", "c a", "ca t", "_ cat", "_ o", "a n", "_ an", "_an d", "_o t",
          "he r", "_ot her", "D o", "_ Do", "_ _", "n '", "l l");

  private SentencePieceFolder() {}

  static void write(Path folder) throws IOException {
    ObjectNode root = new ObjectMapper().createObjectNode();
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    String[] special = {"<unk>", "<s>", "</s>"};
    for (int i = 0; i < special.length; i++) {
      added
          .addObject()
          .put("id", i)
          .put("content", special[i])
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
    }
    ArrayNode steps = root.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
    steps.addObject().put("type", "Prepend").put("prepend", "" + SPACE);
    ObjectNode replace = steps.addObject().put("type", "Replace");
    replace.putObject("pattern").put("String", " ");
    replace.put("content", "" + SPACE);
    root.putNull("pre_tokenizer").putNull("post_processor");
    decoder(root.putObject("decoder").put("type", "Sequence").putArray("decoders"));
    ObjectNode model = root.putObject("model").put("type", "BPE").put("unk_token", "<unk>");
    model.put("fuse_unk", true).put("byte_fallback", true);
    ObjectNode vocabulary = model.putObject("vocab");
    for (String token : special) {
      vocabulary.put(token, vocabulary.size());
    }
    for (int i = 0; i < 256; i++) {
      vocabulary.put("<0x%02X>".formatted(i), vocabulary.size());
    }
    ArrayNode merges = model.putArray("merges");
    for (String merge : MERGES) {
      String pair = merge.replace('_', SPACE);
      merges.add(pair);
      vocabulary.put(pair.replace(" ", ""), vocabulary.size());
    }
    for (char letter : "_thecaodrnlDW',!".replace('_', SPACE).toCharArray()) {
      vocabulary.put("" + letter, vocabulary.size());
    }
    Files.writeString(folder.resolve("tokenizer.json"), root.toString());
  }

  private static void decoder(ArrayNode decoders) {
    ObjectNode replace = decoders.addObject().put("type", "Replace");
    replace.putObject("pattern").put("String", "" + SPACE);
    replace.put("content", " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
  }
}

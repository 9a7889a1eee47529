package io.parq.torch.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.torch.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** Codecs over bytes: characters below 128 are their own ids. */
final class Codecs {
  /** Ends a text; no byte of UTF-8. */
  static final int END = 255;

  /** Begins a text; no byte of UTF-8. */
  static final int BEGIN = 254;

  static final TextCodec PLAIN = TextCodec.bytes();
  static final TextCodec BEGINNING =
      new TextCodec(Tokenizer.bytes(), OptionalInt.of(BEGIN), List.of(END));
  static final TextCodec NEITHER = new TextCodec(Tokenizer.bytes(), OptionalInt.empty(), List.of());

  private Codecs() {}

  /** A folder whose tokenizer has a mark of its own, with id 256, and begins texts with "B". */
  static Path folder(Path folder, String mark) throws IOException {
    Files.createDirectories(folder);
    Tokenizer.bytes().save(folder);
    ObjectMapper mapper = new ObjectMapper();
    Path file = folder.resolve("tokenizer.json");
    ObjectNode root = (ObjectNode) mapper.readTree(file.toFile());
    root.withArray("added_tokens")
        .addObject()
        .put("id", 256)
        .put("content", mark)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false)
        .put("special", true);
    root.set(
        "post_processor",
        mapper.readTree(
            """
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "B", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                      {"Sequence": {"id": "B", "type_id": 1}}],
             "special_tokens": {"B": {"id": "B", "ids": [66], "tokens": ["B"]}}}
            """));
    mapper.writeValue(file.toFile(), root);
    return folder;
  }
}

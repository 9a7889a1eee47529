package io.parq.export.gguf;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.ModelFiles;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The files of a Hugging Face folder, made from a header: the inverse of what is written. */
final class FolderFiles {
  private final Map<String, Object> metadata;
  private final ConfigFile config;

  /**
   * Views a header.
   *
   * @param small the values of the file's own small tensors, by name
   */
  FolderFiles(Header header, Map<String, List<Float>> small) {
    metadata = header.metadata();
    config = new ConfigFile(header, small);
  }

  /**
   * Makes all files.
   *
   * @throws IllegalArgumentException if something is missing or not known
   */
  Map<String, String> all() {
    TokenizerFile tokenizer = TokenizerFile.of(new Values(metadata, "tokenizer.ggml."));
    List<Integer> ends = tokenizer == null ? List.of() : tokenizer.ends();
    Map<String, String> files = new LinkedHashMap<>();
    ObjectNode generation = JsonNodeFactory.instance.objectNode();
    if (!ends.isEmpty()) {
      ends.forEach(generation.putArray("eos_token_id")::add);
    }
    ObjectNode all = config.json();
    all.setAll(generation);
    files.put(ModelFiles.CONFIG, all.toPrettyString() + "\n");
    files.put("generation_config.json", generation.toPrettyString() + "\n");
    if (tokenizer != null) {
      ObjectNode settings = tokenizer.settings();
      if (metadata.get("tokenizer.chat_template") instanceof String template) {
        settings.put("chat_template", template);
      }
      files.put("tokenizer.json", tokenizer.json().toString());
      files.put("tokenizer_config.json", settings.toPrettyString() + "\n");
    }
    return files;
  }
}

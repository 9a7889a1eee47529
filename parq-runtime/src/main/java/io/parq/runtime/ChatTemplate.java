package io.parq.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.runtime.jinja.Template;
import io.parq.runtime.jinja.TemplateException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a model wants conversations written: chat_template.jinja, or {@code chat_template} of
 * tokenizer_config.json, of several the one named default. As in transformers, special tokens are
 * part of what the template writes, so none is added to it.
 */
final class ChatTemplate {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String FILE = "chat_template.jinja";
  private static final String SETTINGS = "tokenizer_config.json";

  private final String place;
  private final String source;

  /** Special tokens by the names that templates call them. */
  private final Map<String, String> tokens;

  private ChatTemplate(String place, String source, Map<String, String> tokens) {
    this.place = place;
    this.source = source;
    this.tokens = tokens;
  }

  /** The template of a model, or null if it has none. */
  static @Nullable ChatTemplate load(TextFiles files) throws IOException {
    String json = files.read(SETTINGS);
    JsonNode settings = json == null ? JSON.createObjectNode() : JSON.readTree(json);
    Map<String, String> tokens = tokens(settings);
    String own = files.read(FILE);
    if (own != null) {
      return new ChatTemplate(files.place(FILE), own, tokens);
    }
    JsonNode template = settings.path("chat_template");
    for (JsonNode named : template.isArray() ? template : List.<JsonNode>of()) {
      if (named.path("name").asText().equals("default")) {
        template = named.path("template");
      }
    }
    return template.isTextual()
        ? new ChatTemplate(files.place(SETTINGS), template.textValue(), tokens)
        : null;
  }

  private static Map<String, String> tokens(JsonNode settings) {
    Map<String, String> tokens = new LinkedHashMap<>();
    settings
        .properties()
        .forEach(
            setting -> {
              JsonNode value = setting.getValue();
              JsonNode content = value.isObject() ? value.path("content") : value;
              if (setting.getKey().endsWith("_token") && content.isTextual()) {
                tokens.put(setting.getKey(), content.textValue());
              }
            });
    return tokens;
  }

  /**
   * Writes a conversation up to where the assistant's answer begins.
   *
   * @param variables more of what the template may ask for, such as {@code enable_thinking}
   * @throws IllegalArgumentException if the template refuses the conversation, or is wrong
   */
  String render(List<Message> messages, Map<String, ? extends @Nullable Object> variables) {
    List<Map<String, String>> written = new ArrayList<>();
    for (Message message : messages) {
      Map<String, String> map = new LinkedHashMap<>();
      map.put("role", message.role());
      map.put("content", message.content());
      written.add(map);
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>(tokens);
    all.put("tools", null);
    all.put("documents", null);
    all.putAll(variables);
    all.put("messages", written);
    all.put("add_generation_prompt", true);
    try {
      // Parsed each time, which takes less than a token, so that a model whose template is wrong
      // still completes texts.
      return Template.parse(source).render(all);
    } catch (TemplateException e) {
      throw new IllegalArgumentException(
          "chat template of %s: %s".formatted(place, e.getMessage()), e);
    }
  }
}

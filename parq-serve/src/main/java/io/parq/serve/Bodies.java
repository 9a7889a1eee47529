package io.parq.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.text.Generation;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What is sent for one request, in OpenAI's shapes. */
final class Bodies {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final boolean chat;
  private final String model;
  private final boolean usage;
  private final long created = Instant.now().getEpochSecond();
  private final String id;

  /**
   * Gives the request an id.
   *
   * @param chat whether it is a conversation
   * @param model name of the model
   * @param usage whether pieces say that the number of tokens comes later
   */
  Bodies(boolean chat, String model, boolean usage) {
    this.chat = chat;
    this.model = model;
    this.usage = usage;
    id = (chat ? "chatcmpl-" : "cmpl-") + UUID.randomUUID().toString().replace("-", "");
  }

  static byte[] bytes(ObjectNode body) {
    try {
      return JSON.writeValueAsString(body).getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static ObjectNode error(ApiException e) {
    ObjectNode body = JSON.createObjectNode();
    ObjectNode error = body.putObject("error");
    error.put("message", e.text());
    error.put("type", e.type());
    error.put("param", e.param());
    error.put("code", e.code());
    return body;
  }

  static ObjectNode models(String name, long created) {
    ObjectNode body = JSON.createObjectNode();
    body.put("object", "list");
    body.putArray("data").add(model(name, created));
    return body;
  }

  static ObjectNode model(String name, long created) {
    ObjectNode model = JSON.createObjectNode();
    model.put("id", name);
    model.put("object", "model");
    model.put("created", created);
    model.put("owned_by", "parq");
    return model;
  }

  static ObjectNode health(boolean up) {
    return JSON.createObjectNode().put("status", up ? "ok" : "shutting down");
  }

  private ObjectNode body(String object) {
    ObjectNode body = JSON.createObjectNode();
    body.put("id", id);
    body.put("object", object);
    body.put("created", created);
    body.put("model", model);
    return body;
  }

  /** All texts, whole. */
  ObjectNode whole(List<Generation.Result> results, long promptTokens) {
    ObjectNode body = body(chat ? "chat.completion" : "text_completion");
    ArrayNode choices = body.putArray("choices");
    long tokens = 0;
    for (Generation.Result result : results) {
      ObjectNode choice = choices.addObject();
      choice.put("index", choices.size() - 1);
      if (chat) {
        ObjectNode message = choice.putObject("message");
        message.put("role", "assistant");
        message.put("content", result.text());
        message.putNull("refusal");
      } else {
        choice.put("text", result.text());
      }
      choice.putNull("logprobs");
      choice.put("finish_reason", reason(result));
      tokens += result.tokens();
    }
    addUsage(body, promptTokens, tokens);
    return body;
  }

  /** The beginning of a text; null where there is nothing to say. */
  @Nullable ObjectNode first(int index) {
    if (!chat) {
      return null;
    }
    ObjectNode body = chunk();
    choice(body, index, null).putObject("delta").put("role", "assistant").put("content", "");
    return body;
  }

  ObjectNode piece(int index, String text) {
    ObjectNode body = chunk();
    ObjectNode choice = choice(body, index, null);
    if (chat) {
      choice.putObject("delta").put("content", text);
    } else {
      choice.put("text", text);
    }
    return body;
  }

  ObjectNode last(int index, Generation.Result result) {
    ObjectNode body = chunk();
    ObjectNode choice = choice(body, index, reason(result));
    if (chat) {
      choice.putObject("delta");
    } else {
      choice.put("text", "");
    }
    return body;
  }

  ObjectNode usage(long promptTokens, long tokens) {
    ObjectNode body = chunk();
    body.putArray("choices");
    addUsage(body, promptTokens, tokens);
    return body;
  }

  private ObjectNode chunk() {
    ObjectNode body = body(chat ? "chat.completion.chunk" : "text_completion");
    if (usage) {
      body.putNull("usage");
    }
    return body;
  }

  private static ObjectNode choice(ObjectNode body, int index, @Nullable String reason) {
    ObjectNode choice = body.putArray("choices").addObject();
    choice.put("index", index);
    choice.putNull("logprobs");
    choice.put("finish_reason", reason);
    return choice;
  }

  private static String reason(Generation.Result result) {
    return switch (result.end()) {
      case END_OF_TEXT, STOP_STRING -> "stop";
      case LENGTH, CANCELLED -> "length";
    };
  }

  private static void addUsage(ObjectNode body, long promptTokens, long tokens) {
    ObjectNode usage = body.putObject("usage");
    usage.put("prompt_tokens", promptTokens);
    usage.put("completion_tokens", tokens);
    usage.put("total_tokens", promptTokens + tokens);
  }
}

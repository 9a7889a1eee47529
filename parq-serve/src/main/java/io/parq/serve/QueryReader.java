package io.parq.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Reads requests: OpenAI's parameters and, named as other servers do, {@code top_k}, {@code min_p},
 * {@code repetition_penalty} and {@code chat_template_kwargs}. Parameters that change the answer
 * and are not known here are refused, others are ignored.
 */
final class QueryReader {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_TEXTS = 16;
  private static final int MOST_STOPS = 16;
  private static final int LARGEST_TOP_K = 1_000_000;

  private static final Set<String> UNSUPPORTED =
      Set.of(
          "frequency_penalty",
          "presence_penalty",
          "logit_bias",
          "logprobs",
          "top_logprobs",
          "echo",
          "suffix",
          "tools",
          "tool_choice",
          "functions",
          "function_call",
          "audio");

  private final LanguageModel model;
  private final ServeOptions options;
  private final int positions;

  QueryReader(LanguageModel model, ServeOptions options, int positions) {
    this.model = model;
    this.options = options;
    this.positions = positions;
  }

  /** A request for the answer to a conversation. */
  Query chat(JsonNode body) {
    Fields fields = new Fields(body);
    check(fields);
    JsonNode format = fields.get("response_format");
    if (fields.has("response_format") && !format.path("type").asText().equals("text")) {
      throw ApiException.parameter(
          "response_format", "unsupported_parameter", "only the format text is supported here");
    }
    if (!model.chats()) {
      throw ApiException.request(
          400, "no_chat_template", "the model has no chat template; use /v1/completions");
    }
    int[] prompt;
    try {
      prompt = model.prompt(messages(fields), variables(fields));
    } catch (IllegalArgumentException e) {
      throw ApiException.parameter("messages", String.valueOf(e.getMessage()));
    }
    String limit = fields.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
    return query(fields, List.of(prompt), "messages", limit);
  }

  /** A request for the continuation of texts. */
  Query completion(JsonNode body) {
    Fields fields = new Fields(body);
    check(fields);
    if (fields.has("best_of")) {
      long best = fields.whole("best_of", 1, 1, MOST_TEXTS);
      if (best != fields.whole("n", 1, 1, MOST_TEXTS)) {
        throw fields.wrong("best_of", "the same as n");
      }
    }
    List<int[]> prompts = new ArrayList<>();
    for (JsonNode prompt : prompts(fields)) {
      try {
        prompts.add(prompt.isTextual() ? model.prompt(prompt.textValue()) : ids(fields, prompt));
      } catch (IllegalArgumentException e) {
        throw ApiException.parameter("prompt", String.valueOf(e.getMessage()));
      }
    }
    return query(fields, prompts, "prompt", "max_tokens");
  }

  private void check(Fields fields) {
    if (fields.has("model")) {
      JsonNode name = fields.get("model");
      if (!name.isTextual()) {
        throw fields.wrong("model", "a string");
      }
      if (!name.textValue().equals(options.name())) {
        throw ApiException.noModel(name.textValue(), options.name());
      }
    }
    fields.refuse(UNSUPPORTED);
  }

  private static List<JsonNode> prompts(Fields fields) {
    JsonNode prompt = fields.get("prompt");
    boolean several = prompt.isArray() && !prompt.path(0).isNumber();
    List<JsonNode> prompts = new ArrayList<>();
    (several ? prompt : List.of(prompt)).forEach(prompts::add);
    boolean valid = prompts.stream().allMatch(one -> one.isTextual() || one.isArray());
    if (!valid || prompts.isEmpty()) {
      throw fields.wrong("prompt", "a string, token ids, or a list of either");
    }
    return prompts;
  }

  private int[] ids(Fields fields, JsonNode prompt) {
    int[] ids = new int[prompt.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = prompt.get(i);
      if (!id.isInt() || id.intValue() < 0 || id.intValue() >= model.config().vocabSize()) {
        throw fields.wrong("prompt", "token ids below " + model.config().vocabSize());
      }
      ids[i] = id.intValue();
    }
    return ids;
  }

  private static List<Message> messages(Fields fields) {
    JsonNode all = fields.get("messages");
    if (!all.isArray() || all.isEmpty()) {
      throw fields.wrong("messages", "a list of messages, one at least");
    }
    List<Message> messages = new ArrayList<>();
    for (JsonNode message : all) {
      String at = "messages[" + messages.size() + "]";
      JsonNode role = message.path("role");
      if (!role.isTextual() || role.textValue().isEmpty()) {
        throw ApiException.parameter(at + ".role", at + ".role: expected a string");
      }
      if (message.hasNonNull("tool_calls") && !message.path("tool_calls").isEmpty()) {
        throw ApiException.parameter(
            at + ".tool_calls", "unsupported_parameter", "tool calls are not supported here");
      }
      // Models know the former name of a developer's messages.
      String known = role.textValue().equals("developer") ? "system" : role.textValue();
      messages.add(new Message(known, content(at, message)));
    }
    return messages;
  }

  private static String content(String at, JsonNode message) {
    JsonNode content = message.path("content");
    if (content.isTextual()) {
      return content.textValue();
    }
    if (content.isNull() && message.path("role").asText().equals("assistant")) {
      return "";
    }
    StringBuilder text = new StringBuilder();
    boolean valid = content.isArray();
    for (JsonNode part : content) {
      valid &= part.path("type").asText().equals("text") && part.path("text").isTextual();
      text.append(part.path("text").asText());
    }
    if (!valid) {
      throw ApiException.parameter(
          at + ".content", at + ".content: expected a string or a list of parts of type text");
    }
    return text.toString();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, @Nullable Object> variables(Fields fields) {
    String name = "chat_template_kwargs";
    if (!fields.has(name)) {
      return Map.of();
    }
    if (!fields.get(name).isObject()) {
      throw fields.wrong(name, "an object");
    }
    return JSON.convertValue(fields.get(name), Map.class);
  }

  private Query query(Fields fields, List<int[]> prompts, String param, String limit) {
    int room = positions;
    long tokens = 0;
    for (int[] prompt : prompts) {
      room = Math.min(room, positions - prompt.length);
      tokens += prompt.length;
      if (prompt.length == 0 || prompt.length >= positions) {
        throw ApiException.parameter(
            param,
            "context_length_exceeded",
            "%d tokens in %s, expected at least 1 and less than the context's %d"
                .formatted(prompt.length, param, positions));
      }
    }
    int most = options.limits().maxTokens();
    int asked = (int) fields.whole(limit, Math.min(most, room), 1, most);
    int each = (int) fields.whole("n", 1, 1, MOST_TEXTS);
    if ((long) prompts.size() * each > MOST_TEXTS) {
      throw ApiException.parameter(
          each > 1 ? "n" : param,
          "%d texts, expected at most %d".formatted((long) prompts.size() * each, MOST_TEXTS));
    }
    List<String> stops = fields.strings("stop", MOST_STOPS);
    Sampling sampling = sampling(fields);
    List<int[]> all = new ArrayList<>();
    List<Generation> generations = new ArrayList<>();
    for (int[] prompt : prompts) {
      for (int i = 0; i < each; i++) {
        all.add(prompt);
        generations.add(new Generation(asked, seeded(sampling, i), stops));
      }
    }
    boolean stream = fields.flag("stream");
    JsonNode streaming = fields.get("stream_options");
    if (fields.has("stream_options") && (!stream || !streaming.isObject())) {
      throw fields.wrong("stream_options", "an object, and only with stream");
    }
    boolean usage = stream && streaming.isObject() && new Fields(streaming).flag("include_usage");
    return new Query(all, tokens, generations, stream, usage);
  }

  private static Sampling sampling(Fields fields) {
    double topP = fields.number("top_p", 1, 0, 1);
    double penalty = fields.number("repetition_penalty", 1, 0, 100);
    if (topP == 0 || penalty == 0) {
      throw fields.wrong(topP == 0 ? "top_p" : "repetition_penalty", "a number above 0");
    }
    return new Sampling(
        fields.number("temperature", 1, 0, 2),
        Math.toIntExact(Math.max(0, fields.whole("top_k", 0, -1, LARGEST_TOP_K))),
        topP,
        fields.number("min_p", 0, 0, 1),
        penalty,
        fields.whole(
            "seed", ThreadLocalRandom.current().nextLong(), Long.MIN_VALUE, Long.MAX_VALUE));
  }

  /** Texts of one prompt differ in their seeds. */
  private static Sampling seeded(Sampling sampling, int index) {
    return new Sampling(
        sampling.temperature(),
        sampling.topK(),
        sampling.topP(),
        sampling.minP(),
        sampling.repetitionPenalty(),
        sampling.seed() + index);
  }
}

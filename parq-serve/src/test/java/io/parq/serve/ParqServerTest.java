package io.parq.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.Message;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is answered, to a real client. */
@Timeout(300)
class ParqServerTest {
  static final Path MODEL =
      Path.of(System.getProperty("basedir", ""))
          .toAbsolutePath()
          .resolveSibling("parq-runtime/src/test/resources/golden/chat");
  private static final String CHAT = "/v1/chat/completions";
  private static final String TEXT = "/v1/completions";

  private static LanguageModel model;
  private static ParqServer server;
  private static Client client;

  @BeforeAll
  static void start() throws IOException {
    model = LanguageModel.load(MODEL);
    server = ParqServer.start(model, ServeOptions.DEFAULTS.withPort(0).withName("tiny"));
    client = Client.of(server);
  }

  @AfterAll
  static void stop() {
    server.close();
    model.close();
  }

  private static String expected(String user, Generation generation) {
    return model.chat(List.of(Message.user(user)), generation, _ -> {}).text();
  }

  @Test
  void conversationsAreAnswered() throws Exception {
    JsonNode answer =
        client.json(
            CHAT,
            """
            {"model": "tiny", "messages": [{"role": "user", "content": "Größe 東京"}],
             "temperature": 0, "max_tokens": 30, "user": "someone"}
            """);
    JsonNode choice = answer.path("choices").path(0);
    assertEquals("chat.completion", answer.path("object").asText());
    assertTrue(answer.path("id").asText().startsWith("chatcmpl-"), answer.toString());
    assertEquals("tiny", answer.path("model").asText());
    assertEquals("assistant", choice.path("message").path("role").asText());
    assertEquals(
        expected("Größe 東京", Generation.greedy(30)),
        choice.path("message").path("content").asText());
    assertEquals("length", choice.path("finish_reason").asText());
    int prompt = model.prompt(List.of(Message.user("Größe 東京"))).length;
    assertEquals(prompt, answer.path("usage").path("prompt_tokens").intValue());
    assertEquals(30, answer.path("usage").path("completion_tokens").intValue());
    assertEquals(prompt + 30, answer.path("usage").path("total_tokens").intValue());
  }

  @Test
  void conversationsAreStreamed() throws Exception {
    String body =
        """
        {"messages": [{"role": "developer", "content": "Be"},
                      {"role": "user", "content": [{"type": "text", "text": "so"}]},
                      {"role": "assistant", "content": null},
                      {"role": "user", "content": "go"}],
         "temperature": 1.1, "top_k": 40, "top_p": 0.9, "min_p": 0.01, "repetition_penalty": 1.2,
         "seed": 7, "max_completion_tokens": 40, "stream": true,
         "stream_options": {"include_usage": true}}
        """;
    List<JsonNode> events = client.stream(CHAT, body);
    List<Message> messages =
        List.of(
            Message.system("Be"), Message.user("so"), Message.assistant(""), Message.user("go"));
    Generation generation = new Generation(40, new Sampling(1.1, 40, 0.9, 0.01, 1.2, 7), List.of());
    Generation.Result alone = model.chat(messages, generation, _ -> {});
    assertEquals(alone.text(), Client.text(events, 0));
    JsonNode first = events.getFirst();
    assertEquals("chat.completion.chunk", first.path("object").asText());
    assertEquals("assistant", first.path("choices").path(0).path("delta").path("role").asText());
    assertTrue(first.get("usage").isNull());
    assertEquals(1, events.stream().map(event -> event.get("id").asText()).distinct().count());
    JsonNode last = events.get(events.size() - 2).path("choices").path(0);
    String reason = alone.end() == Generation.End.LENGTH ? "length" : "stop";
    assertEquals(reason, last.path("finish_reason").asText());
    JsonNode usage = events.getLast();
    assertTrue(usage.get("choices").isEmpty());
    assertEquals(alone.tokens(), usage.path("usage").path("completion_tokens").intValue());
    assertTrue(events.size() > 10, "in pieces");
  }

  @Test
  void textsAreContinued() throws Exception {
    String text = model.generate("LATIN", Generation.greedy(40), _ -> {}).text();
    String stop = text.substring(9, 13);
    JsonNode answer =
        client.json(
            TEXT,
            Client.JSON
                .createObjectNode()
                .put("prompt", "LATIN")
                .put("max_tokens", 40)
                .put("temperature", 0)
                .put("stop", stop)
                .toString());
    assertEquals("text_completion", answer.path("object").asText());
    JsonNode choice = answer.path("choices").path(0);
    assertEquals(text.substring(0, text.indexOf(stop)), choice.path("text").asText());
    assertEquals("stop", choice.path("finish_reason").asText());
    assertTrue(choice.get("logprobs").isNull());
  }

  @Test
  void severalTextsOfARequestAreKeptApart() throws Exception {
    String body =
        """
        {"prompt": ["LATIN", [71, 72, 73]], "n": 2, "max_tokens": 25, "seed": 3, "top_k": 20,
         "stream": true}
        """;
    List<JsonNode> events = client.stream(TEXT, body);
    for (int i = 0; i < 4; i++) {
      String prompt = i < 2 ? "LATIN" : model.decode(new int[] {71, 72, 73});
      Generation generation =
          new Generation(25, new Sampling(1, 20, 1, 0, 1, 3 + i % 2), List.of());
      assertEquals(
          model.generate(prompt, generation, _ -> {}).text(), Client.text(events, i), "text " + i);
    }
    JsonNode whole = client.json(TEXT, body.replace("\"stream\": true", "\"stream\": false"));
    assertEquals(4, whole.get("choices").size());
    assertEquals(Client.text(events, 3), whole.path("choices").path(3).path("text").asText());
    int prompts = model.prompt("LATIN").length + 3;
    assertEquals(prompts, whole.path("usage").path("prompt_tokens").intValue());
  }

  @Test
  void modelsHealthMetricsAndThePageAreThere() throws Exception {
    JsonNode models = Client.JSON.readTree(client.get("/v1/models").body());
    assertEquals("tiny", models.path("data").path(0).path("id").asText());
    assertEquals(200, client.get("/v1/models/tiny").statusCode());
    assertEquals(404, client.get("/v1/models/huge").statusCode());
    HttpResponse<String> health = client.get("/health");
    assertEquals(200, health.statusCode());
    assertEquals("{\"status\":\"ok\"}", health.body());
    client.json(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 3, \"temperature\": 0}");
    HttpResponse<String> metrics = client.get("/metrics");
    assertTrue(metrics.headers().firstValue("Content-Type").orElse("").startsWith("text/plain"));
    for (String name :
        List.of(
            "parq_requests_total{endpoint=\"/v1/completions\",status=\"200\"}",
            "parq_request_seconds_bucket",
            "parq_first_text_seconds_count",
            "parq_prompt_tokens_total",
            "parq_generated_tokens_total",
            "parq_active_texts 0.0",
            "parq_waiting_texts 0.0",
            "parq_weight_bytes")) {
      assertTrue(metrics.body().contains(name), name + " in " + metrics.body());
    }
    HttpResponse<String> page = client.get("/");
    assertTrue(page.body().contains("v1/chat/completions"));
    assertFalse(page.body().contains("http"), "external resources");
    assertTrue(page.headers().firstValue("Content-Security-Policy").isPresent());
    assertTrue(page.headers().firstValue("Access-Control-Allow-Origin").isEmpty());
  }

  /** What clients of the readme do. */
  @Test
  void theAddressIsAnnounced() {
    assertEquals(URI.create("http://127.0.0.1:" + server.port() + "/"), server.uri());
  }

  @Test
  void streamsOfManyClientsAreThoseOfEachAlone() throws Exception {
    int clients = 64;
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> futures = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        int seed = i;
        Callable<?> task =
            () -> {
              ask(seed);
              return null;
            };
        futures.add(pool.submit(task));
      }
      for (Future<?> future : futures) {
        future.get();
      }
    }
  }

  private static void ask(int seed) throws Exception {
    boolean greedy = seed % 2 == 0;
    int tokens = 20 + seed % 7 * 10;
    String user = "LETTER ".repeat(1 + seed % 30) + seed;
    String body =
        """
        {"messages": [{"role": "user", "content": "%s"}], "max_tokens": %d, "temperature": %s,
         "seed": %d, "stream": %s}
        """
            .formatted(user, tokens, greedy ? "0" : "1.3", seed, seed % 5 != 0);
    Sampling sampling = greedy ? Sampling.GREEDY : Sampling.at(1.3, seed);
    String alone = expected(user, new Generation(tokens, sampling, List.of()));
    String text =
        seed % 5 == 0
            ? client
                .json(CHAT, body)
                .path("choices")
                .path(0)
                .path("message")
                .path("content")
                .asText()
            : Client.text(client.stream(CHAT, body), 0);
    assertEquals(alone, text, "client " + seed);
  }
}

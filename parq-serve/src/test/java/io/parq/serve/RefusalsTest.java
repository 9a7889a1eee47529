package io.parq.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.runtime.LanguageModel;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is refused, and how it ends. */
@Timeout(300)
class RefusalsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String TEXT = "/v1/completions";
  private static final ServeLimits SMALL =
      new ServeLimits(1, 1, 900, 1000, 2000, Duration.ofMinutes(1), Duration.ofSeconds(20));

  private static final String LONG =
      "{\"prompt\": \"%s\", \"max_tokens\": 900, \"temperature\": 2, \"seed\": 1, \"stream\": %s}";

  private static LanguageModel model;
  private static ParqServer server;
  private static Client client;

  /** Begins to serve a model whose texts end with their last token only. */
  @BeforeAll
  static void start(@TempDir Path folder) throws IOException {
    try (Stream<Path> files = Files.list(ParqServerTest.MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    for (String name : List.of("config.json", "generation_config.json")) {
      Path file = folder.resolve(name);
      String json = Files.readString(file);
      Files.writeString(file, json.replace("\"eos_token_id\": 0", "\"eos_token_id\": null"));
    }
    model = LanguageModel.load(folder);
    server = start(SMALL, null);
    client = Client.of(server);
  }

  private static ParqServer start(ServeLimits limits, String key) throws IOException {
    return ParqServer.start(
        model,
        ServeOptions.DEFAULTS.withPort(0).withName("tiny").withLimits(limits).withApiKey(key));
  }

  @AfterAll
  static void stop() {
    server.close();
    model.close();
  }

  private static void assertError(
      HttpResponse<String> response, int status, String param, String code) throws IOException {
    assertEquals(status, response.statusCode(), response.body());
    JsonNode error = Client.JSON.readTree(response.body()).path("error");
    assertTrue(error.path("message").asText().length() > 5, response.body());
    assertEquals(param, error.path("param").asText(null), response.body());
    assertEquals(code, error.path("code").asText(null), response.body());
    assertTrue(error.path("type").asText().endsWith("_error"), response.body());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      nullValues = "-",
      textBlock =
          """
          {"messages": []}                                           | messages            | -
          {"messages": "hi"}                                         | messages            | -
          {}                                                         | messages            | -
          {"messages": [{"content": "a"}]}                           | messages[0].role    | -
          {"messages": [{"role": "user"}]}                           | messages[0].content | -
          {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]} | messages[0].content | -
          {"messages": [{"role": "user", "content": "a"}], "temperature": 3} | temperature | -
          {"messages": [{"role": "user", "content": "a"}], "temperature": "1"} | temperature | -
          {"messages": [{"role": "user", "content": "a"}], "top_p": 0} | top_p | -
          {"messages": [{"role": "user", "content": "a"}], "max_tokens": 901} | max_tokens | -
          {"messages": [{"role": "user", "content": "a"}], "max_tokens": 0} | max_tokens | -
          {"messages": [{"role": "user", "content": "a"}], "max_tokens": 1.5} | max_tokens | -
          {"messages": [{"role": "user", "content": "a"}], "stop": [""]} | stop | -
          {"messages": [{"role": "user", "content": "a"}], "stream": 1} | stream | -
          {"messages": [{"role": "user", "content": "a"}], "n": 17} | n | -
          {"messages": [{"role": "user", "content": "a"}], "stream_options": {}} | stream_options | -
          {"messages": [{"role": "user", "content": "a"}], "logprobs": true} | logprobs | unsupported_parameter
          {"messages": [{"role": "user", "content": "a"}], "tools": [{}]} | tools | unsupported_parameter
          {"messages": [{"role": "user", "content": "a"}], "frequency_penalty": 1} | frequency_penalty | unsupported_parameter
          {"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_object"}} | response_format | unsupported_parameter
          [1]                                                        | -                   | -
          {"messages":                                               | -                   | -
          """)
  void wrongParametersAreNamed(String body, String param, String code) throws Exception {
    assertError(client.send(client.post(CHAT, body)), 400, param, code);
  }

  @Test
  void wrongPromptsAreNamed() throws Exception {
    for (String prompt : List.of("5", "[]", "[\"a\", 5]", "[1, 100000]", "[1, -1]", "{}")) {
      HttpResponse<String> response =
          client.send(client.post(TEXT, "{\"prompt\": " + prompt + "}"));
      assertError(response, 400, "prompt", null);
    }
    String longPrompt = "[" + "1, ".repeat(999) + "1]";
    assertEquals(
        413, client.send(client.post(TEXT, "{\"prompt\": " + longPrompt + "}")).statusCode());
    String words = "Q".repeat(1500);
    assertError(
        client.send(client.post(TEXT, "{\"prompt\": \"" + words + "\"}")),
        400,
        "prompt",
        "context_length_exceeded");
  }

  @Test
  void otherFaultsHaveTheirStatus() throws Exception {
    String body = "{\"model\": \"huge\", \"prompt\": \"a\"}";
    assertError(client.send(client.post(TEXT, body)), 404, "model", "model_not_found");
    assertError(client.get("/v1/nothing"), 404, null, "unknown_url");
    assertError(client.get(TEXT), 404, null, "unknown_url");
    String large = "{\"prompt\": \"" + "a".repeat(3000) + "\"}";
    assertError(client.send(client.post(TEXT, large)), 413, null, null);
    HttpRequest chunked =
        client
            .request(TEXT)
            .POST(
                HttpRequest.BodyPublishers.ofInputStream(
                    () -> new java.io.ByteArrayInputStream(large.getBytes(StandardCharsets.UTF_8))))
            .build();
    assertError(client.send(chunked), 413, null, null);
    HttpRequest form =
        HttpRequest.newBuilder(client.uri().resolve(TEXT))
            .header("Content-Type", "text/plain")
            .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": \"a\"}"))
            .build();
    assertError(client.send(form), 415, null, null);
    assertEquals(
        200, client.send(client.post(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 2}")).statusCode());
  }

  @Test
  void keysAreAskedFor() throws Exception {
    try (ParqServer locked = start(SMALL, "secret")) {
      Client other = Client.of(locked);
      String body = "{\"prompt\": \"a\", \"max_tokens\": 2}";
      assertError(other.send(other.post(TEXT, body)), 401, null, "invalid_api_key");
      assertError(other.get("/v1/models"), 401, null, "invalid_api_key");
      assertEquals(200, other.get("/health").statusCode());
      HttpRequest.Builder request = other.request(TEXT);
      request.POST(HttpRequest.BodyPublishers.ofString(body));
      assertError(
          other.send(request.copy().header("Authorization", "Bearer wrong").build()),
          401,
          null,
          "invalid_api_key");
      assertEquals(
          200, other.send(request.header("Authorization", "Bearer secret").build()).statusCode());
    }
  }

  @Test
  void fullQueuesRefuse() throws Exception {
    CompletableFuture<HttpResponse<String>> first = start("a");
    CompletableFuture<HttpResponse<String>> second = start("b");
    await("parq_waiting_texts 1.0");
    HttpResponse<String> third = client.send(client.post(TEXT, LONG.formatted("c", false)));
    assertError(third, 429, null, "rate_limit_exceeded");
    assertEquals("1", third.headers().firstValue("Retry-After").orElse(""));
    assertEquals(200, first.get().statusCode());
    assertEquals(200, second.get().statusCode());
  }

  private static CompletableFuture<HttpResponse<String>> start(String prompt) throws Exception {
    CompletableFuture<HttpResponse<String>> answer =
        client
            .http()
            .sendAsync(
                client.post(TEXT, LONG.formatted(prompt, false)),
                HttpResponse.BodyHandlers.ofString());
    await("parq_active_texts 1.0");
    return answer;
  }

  private static void await(String metric) throws Exception {
    for (int i = 0; i < 2000; i++) {
      if (client.get("/metrics").body().contains(metric)) {
        return;
      }
      Thread.sleep(1);
    }
    throw new AssertionError(metric + " did not come");
  }

  @Test
  void clientsThatGoAwayEndTheirWork() throws Exception {
    String body = LONG.formatted("a", true);
    try (Socket socket = new Socket(server.uri().getHost(), server.port())) {
      String request =
          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  .formatted(TEXT)
              + "Content-Length: %d\r\n\r\n%s".formatted(body.length(), body);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
      InputStream in = socket.getInputStream();
      String begun = new String(in.readNBytes(400), StandardCharsets.UTF_8);
      assertTrue(begun.contains("data: {"), begun);
      await("parq_active_texts 1.0");
      socket.setSoLinger(true, 0);
    }
    await("parq_active_texts 0.0");
    await("parq_requests_total{endpoint=\"/v1/completions\",status=\"499\"}");
    assertEquals(
        200, client.send(client.post(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 2}")).statusCode());
  }

  @Test
  void slowAnswersAreGivenUp() throws Exception {
    ServeLimits hurried =
        new ServeLimits(1, 1, 900, 1000, 2000, Duration.ofMillis(20), Duration.ofSeconds(1));
    try (ParqServer other = start(hurried, null)) {
      Client impatient = Client.of(other);
      assertError(
          impatient.send(impatient.post(TEXT, LONG.formatted("a", false))), 504, null, "timeout");
      HttpResponse<String> stream = impatient.send(impatient.post(TEXT, LONG.formatted("a", true)));
      assertEquals(200, stream.statusCode());
      assertTrue(stream.body().contains("\"code\":\"timeout\""), stream.body());
    }
  }

  @Test
  void closingFinishesWhatIsUnderWay() throws Exception {
    ParqServer other = start(SMALL, null);
    Client last = Client.of(other);
    CompletableFuture<List<JsonNode>> stream =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return last.stream(TEXT, LONG.formatted("a", true));
              } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    while (!last.get("/metrics").body().contains("parq_active_texts 1.0")) {
      Thread.sleep(1);
    }
    Thread closing = Thread.ofVirtual().start(other::close);
    HttpResponse<String> health = last.get("/health");
    while (health.statusCode() == 200) {
      health = last.get("/health");
    }
    assertEquals(503, health.statusCode());
    assertError(last.send(last.post(TEXT, "{\"prompt\": \"a\"}")), 503, null, "shutting_down");
    List<JsonNode> events = stream.get();
    String reason = events.getLast().path("choices").path(0).path("finish_reason").asText();
    assertTrue(reason.equals("length") || reason.equals("stop"), reason);
    closing.join();
    other.close();
    assertThrows(IOException.class, () -> last.get("/health"));
  }

  @Test
  void closingCancelsWhatTakesTooLong() throws Exception {
    ServeLimits hasty =
        new ServeLimits(1, 1, 900, 1000, 2000, Duration.ofMinutes(1), Duration.ZERO);
    ParqServer other = start(hasty, null);
    Client last = Client.of(other);
    CompletableFuture<HttpResponse<String>> answer =
        last.http()
            .sendAsync(
                last.post(TEXT, LONG.formatted("a", false)), HttpResponse.BodyHandlers.ofString());
    while (!last.get("/metrics").body().contains("parq_active_texts 1.0")) {
      Thread.sleep(1);
    }
    other.close();
    assertError(answer.get(), 503, null, "shutting_down");
  }

  @Test
  void pagesOfOtherOriginsNeedPermission() throws Exception {
    ServeOptions options =
        new ServeOptions("127.0.0.1", 0, "tiny", null, "http://example.com", SMALL);
    try (ParqServer open = ParqServer.start(model, options)) {
      Client other = Client.of(open);
      HttpResponse<String> asked =
          other.send(
              HttpRequest.newBuilder(other.uri().resolve(CHAT))
                  .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                  .build());
      assertEquals(204, asked.statusCode());
      for (HttpResponse<String> response : List.of(asked, other.get("/v1/models"))) {
        assertEquals(
            "http://example.com",
            response.headers().firstValue("Access-Control-Allow-Origin").orElse(""));
      }
    }
    assertTrue(
        client.get("/v1/models").headers().firstValue("Access-Control-Allow-Origin").isEmpty());
  }

  @Test
  void modelsWithoutATemplateOnlyContinue(@TempDir Path folder) throws Exception {
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.copy(ParqServerTest.MODEL.resolve(name), folder.resolve(name));
    }
    try (LanguageModel plain = LanguageModel.load(folder);
        ParqServer other = ParqServer.start(plain, ServeOptions.DEFAULTS.withPort(0))) {
      Client own = Client.of(other);
      String chat = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}";
      assertError(own.send(own.post(CHAT, chat)), 400, null, "no_chat_template");
      assertEquals(
          200, own.send(own.post(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 2}")).statusCode());
    }
  }

  @Test
  void takenPortsAndWrongOptionsAreExplained() {
    ServeOptions taken = ServeOptions.DEFAULTS.withPort(server.port());
    IOException e = assertThrows(IOException.class, () -> ParqServer.start(model, taken).close());
    assertTrue(e.getMessage().contains(":" + server.port()), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> taken.withPort(70000));
    assertThrows(IllegalArgumentException.class, () -> taken.withApiKey(" "));
    assertThrows(
        IllegalArgumentException.class,
        () -> new ServeLimits(0, 1, 1, 1, 1, Duration.ofSeconds(1), Duration.ZERO));
  }
}

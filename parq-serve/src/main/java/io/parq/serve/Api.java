package io.parq.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.Scheduler;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** What is answered at which path. */
final class Api {
  private static final System.Logger LOG = System.getLogger(Api.class.getName());
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int GONE = 499;

  /** Permits, of which each request holds one until it is answered. */
  private static final int MOST_REQUESTS = Integer.MAX_VALUE;

  private final ServeOptions options;
  private final Scheduler scheduler;
  private final QueryReader reader;
  private final Metrics metrics;
  private final byte[] page;
  private final long created = Instant.now().getEpochSecond();
  private final Semaphore requests = new Semaphore(MOST_REQUESTS);
  private volatile boolean closing;

  /** What an endpoint does. */
  private interface Endpoint {
    void answer(ServerRequest request, ServerResponse response)
        throws IOException, InterruptedException;
  }

  Api(LanguageModel model, Scheduler scheduler, ServeOptions options) throws IOException {
    this.options = options;
    this.scheduler = scheduler;
    reader = new QueryReader(model, options, scheduler.positions());
    metrics = new Metrics(scheduler, model.weightBytes());
    try (InputStream in = Objects.requireNonNull(Api.class.getResourceAsStream("index.html"))) {
      page = in.readAllBytes();
    }
  }

  void route(HttpRouting.Builder routing) {
    add(routing, Method.GET, "/", this::page);
    add(routing, Method.GET, "/health", this::health);
    add(routing, Method.GET, "/metrics", this::metrics);
    add(routing, Method.GET, "/v1/models", this::models);
    add(routing, Method.GET, "/v1/models/{name}", this::model);
    add(routing, Method.POST, "/v1/chat/completions", (in, out) -> generate(in, out, true));
    add(routing, Method.POST, "/v1/completions", (in, out) -> generate(in, out, false));
    if (options.corsOrigin() != null) {
      routing.options(handler("other", this::allowOrigin));
    }
    routing.any(handler("other", this::nothing));
  }

  /** What browsers ask before a page of another origin may send something. */
  private void allowOrigin(ServerRequest request, ServerResponse response) {
    response.header("Access-Control-Allow-Methods", "GET, POST");
    response.header("Access-Control-Allow-Headers", "Authorization, Content-Type");
    response.status(204);
    response.send();
  }

  private void cors(ServerResponse response) {
    String origin = options.corsOrigin();
    if (origin != null) {
      response.header("Access-Control-Allow-Origin", origin);
      response.header("Vary", "Origin");
    }
  }

  private void add(HttpRouting.Builder routing, Method method, String path, Endpoint endpoint) {
    routing.route(method, path, handler(path, endpoint));
  }

  /** Counts a request, and turns what goes wrong into an error that clients understand. */
  private Handler handler(String path, Endpoint endpoint) {
    return (request, response) -> {
      long start = System.nanoTime();
      int status = GONE;
      requests.acquireUninterruptibly();
      try {
        cors(response);
        endpoint.answer(request, response);
        status = response.status().code();
      } catch (ApiException e) {
        status = e.status();
        send(response, e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      } catch (UncheckedIOException | CloseConnectionException e) {
        throw e; // the client went away
      } catch (RuntimeException e) {
        LOG.log(System.Logger.Level.ERROR, path, e);
        status = 500;
        if (response.isSent()) {
          throw e;
        }
        send(
            response, ApiException.server(500, "internal_error", "the server failed; see its log"));
      } finally {
        requests.release();
        long nanos = System.nanoTime() - start;
        metrics.request(path, status, nanos);
        int code = status;
        LOG.log(
            System.Logger.Level.DEBUG, () -> "%s %d in %.3f s".formatted(path, code, nanos / 1e9));
      }
    };
  }

  private static void send(ServerResponse response, ApiException e) {
    if (e.status() == 429 || e.status() == 503) {
      response.header("Retry-After", "1");
    }
    if (e.status() == 401) {
      response.header("WWW-Authenticate", "Bearer");
    }
    response.status(e.status());
    send(response, Bodies.error(e));
  }

  private static void send(ServerResponse response, ObjectNode body) {
    response.header(HeaderNames.CONTENT_TYPE, "application/json");
    response.send(Bodies.bytes(body));
  }

  private void page(ServerRequest request, ServerResponse response) {
    response.header(HeaderNames.CONTENT_TYPE, "text/html; charset=utf-8");
    response.header(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
            + " connect-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    response.send(page);
  }

  private void health(ServerRequest request, ServerResponse response) {
    response.status(closing ? 503 : 200);
    send(response, Bodies.health(!closing));
  }

  private void metrics(ServerRequest request, ServerResponse response) {
    response.header(HeaderNames.CONTENT_TYPE, Metrics.CONTENT_TYPE);
    response.send(metrics.text());
  }

  private void models(ServerRequest request, ServerResponse response) {
    authorize(request);
    send(response, Bodies.models(options.name(), created));
  }

  private void model(ServerRequest request, ServerResponse response) {
    authorize(request);
    String name = request.path().pathParameters().get("name");
    if (!name.equals(options.name())) {
      throw ApiException.noModel(name, options.name());
    }
    send(response, Bodies.model(name, created));
  }

  private void nothing(ServerRequest request, ServerResponse response) {
    authorize(request);
    throw ApiException.request(
        404,
        "unknown_url",
        "%s %s: not found, expected POST /v1/chat/completions or /v1/completions, or GET"
                .formatted(request.prologue().method().text(), request.path().path())
            + " /v1/models, /health or /metrics");
  }

  private void generate(ServerRequest request, ServerResponse response, boolean chat)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    authorize(request);
    checkOpen();
    JsonNode body = body(request);
    Query query = chat ? reader.chat(body) : reader.completion(body);
    Bodies bodies = new Bodies(chat, options.name(), query.usage());
    long nanos = options.limits().timeout().toNanos();
    try (Texts texts = Texts.submit(scheduler, query)) {
      new Answer(response, query, bodies, metrics, start, nanos).send(texts);
    }
  }

  private void checkOpen() {
    if (closing) {
      throw ApiException.server(503, "shutting_down", "the server is shutting down");
    }
  }

  private void authorize(ServerRequest request) {
    String key = options.apiKey();
    if (key != null) {
      String given = request.headers().first(HeaderNames.AUTHORIZATION).orElse("");
      String expected = "Bearer " + key;
      if (!MessageDigest.isEqual(
          given.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8))) {
        throw ApiException.request(
            401,
            "invalid_api_key",
            given.isEmpty()
                ? "no API key, expected the header Authorization: Bearer KEY"
                : "wrong API key");
      }
    }
  }

  private JsonNode body(ServerRequest request) throws IOException {
    // A page of another origin cannot send this type without having asked before.
    String type = request.headers().first(HeaderNames.CONTENT_TYPE).orElse("");
    if (!type.split(";")[0].strip().equalsIgnoreCase("application/json")) {
      throw ApiException.request(
          415, null, "content type '%s', expected application/json".formatted(type));
    }
    byte[] bytes = request.content().hasEntity() ? read(request) : new byte[0];
    try {
      return JSON.readTree(bytes);
    } catch (JsonProcessingException e) {
      throw ApiException.request(400, null, "the body is no JSON: " + e.getOriginalMessage());
    }
  }

  private byte[] read(ServerRequest request) throws IOException {
    int most = options.limits().bodyBytes();
    byte[] bytes;
    try (InputStream in = request.content().inputStream()) {
      bytes = in.readNBytes(Math.addExact(most, 1));
    } catch (RuntimeException e) {
      throw new CloseConnectionException("the body did not come whole", e);
    }
    if (bytes.length > most) {
      throw ApiException.request(
          413, null, "the body is larger than the %d bytes expected".formatted(most));
    }
    return bytes;
  }

  /** Refuses requests from now on. */
  void refuse() {
    closing = true;
  }

  /** Waits until all requests are answered, for so long. */
  boolean awaitAnswers(long millis) throws InterruptedException {
    boolean answered = requests.tryAcquire(MOST_REQUESTS, millis, TimeUnit.MILLISECONDS);
    if (answered) {
      requests.release(MOST_REQUESTS);
    }
    return answered;
  }
}

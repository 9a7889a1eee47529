package io.parq.serve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.ServerResponse;
import io.parq.export.text.Generation;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sends texts as they come, by server-sent events, or at once. While there is nothing to send,
 * something without a meaning is sent now and then (a comment; a blank before the JSON), so that a
 * client that went away is noticed, and its work ends.
 */
final class Answer {
  private static final System.Logger LOG = System.getLogger(Answer.class.getName());
  private static final long SILENCE = TimeUnit.SECONDS.toNanos(5);

  private final ServerResponse response;
  private final Query query;
  private final Bodies bodies;
  private final Metrics metrics;
  private final long start;
  private final long deadline;
  private final Generation.Result[] results;
  private boolean begun;
  private @Nullable OutputStream out;

  Answer(
      ServerResponse response,
      Query query,
      Bodies bodies,
      Metrics metrics,
      long start,
      long nanos) {
    this.response = response;
    this.query = query;
    this.bodies = bodies;
    this.metrics = metrics;
    this.start = start;
    deadline = start + nanos;
    results = new Generation.Result[query.prompts().size()];
  }

  /** Sends all there is to send. */
  void send(Texts texts) throws IOException, InterruptedException {
    if (query.stream()) {
      response.header(HeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8");
      response.header(HeaderNames.CACHE_CONTROL, "no-cache");
      try {
        stream(texts);
      } catch (ApiException e) {
        event(Bodies.error(e)); // too late for a status
      }
      out().close();
    } else {
      response.header(HeaderNames.CONTENT_TYPE, "application/json");
      whole(texts);
    }
  }

  private void whole(Texts texts) throws IOException, InterruptedException {
    try {
      for (int left = texts.count(); left > 0; ) {
        left -= next(texts, " ").result() == null ? 0 : 1;
      }
    } catch (ApiException e) {
      if (out == null) {
        throw e;
      }
      out().write(Bodies.bytes(Bodies.error(e))); // too late for a status
      out().close();
      return;
    }
    byte[] body = Bodies.bytes(bodies.whole(List.of(results), query.promptTokens()));
    if (out == null) {
      response.send(body);
    } else {
      out().write(body);
      out().close();
    }
  }

  private void stream(Texts texts) throws IOException, InterruptedException {
    for (int i = 0; i < texts.count(); i++) {
      event(bodies.first(i));
    }
    for (int left = texts.count(); left > 0; ) {
      Texts.Event event = next(texts, ": waiting\n\n");
      Generation.Result result = event.result();
      left -= result == null ? 0 : 1;
      event(
          result == null
              ? bodies.piece(event.index(), event.piece())
              : bodies.last(event.index(), result));
    }
    if (query.usage()) {
      long tokens = Arrays.stream(results).mapToLong(Generation.Result::tokens).sum();
      event(bodies.usage(query.promptTokens(), tokens));
    }
    write("data: [DONE]\n\n");
  }

  /** The next event; what means nothing is sent while there is none. */
  private Texts.Event next(Texts texts, String nothing) throws IOException, InterruptedException {
    while (true) {
      long left = deadline - System.nanoTime();
      Texts.Event event = texts.next(Math.clamp(left, 0, SILENCE));
      if (event == null && System.nanoTime() - deadline >= 0) {
        throw ApiException.server(504, "timeout", "the answer took too long");
      }
      if (event == null) {
        write(nothing);
        continue;
      }
      Throwable failure = event.failure();
      if (failure instanceof CancellationException) {
        throw ApiException.server(503, "shutting_down", "the server is shutting down");
      }
      if (failure != null) {
        LOG.log(System.Logger.Level.ERROR, "a text failed", failure);
        throw ApiException.server(500, "internal_error", "the server failed; see its log");
      }
      if (!begun) {
        begun = true;
        metrics.firstText(System.nanoTime() - start);
      }
      if (event.result() != null) {
        results[event.index()] = event.result();
        metrics.finished(event.result());
      }
      return event;
    }
  }

  private void event(@Nullable ObjectNode body) throws IOException {
    if (body != null) {
      write("data: " + new String(Bodies.bytes(body), StandardCharsets.UTF_8) + "\n\n");
    }
  }

  private void write(String text) throws IOException {
    out().write(text.getBytes(StandardCharsets.UTF_8));
    out().flush();
  }

  private OutputStream out() {
    if (out == null) {
      out = response.outputStream();
    }
    return out;
  }
}

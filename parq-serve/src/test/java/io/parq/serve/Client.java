package io.parq.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A client of a server under test. */
record Client(URI uri, HttpClient http) {
  static final ObjectMapper JSON = new ObjectMapper();

  static Client of(ParqServer server) {
    return new Client(
        server.uri(), HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build());
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(uri.resolve(path)).header("Content-Type", "application/json");
  }

  HttpRequest post(String path, String body) {
    return request(path).POST(HttpRequest.BodyPublishers.ofString(body)).build();
  }

  HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send(request(path).GET().build());
  }

  JsonNode json(String path, String body) throws IOException, InterruptedException {
    return JSON.readTree(send(post(path, body)).body());
  }

  /** The events of a stream; the last has to be [DONE], which is left out. */
  List<JsonNode> stream(String path, String body) throws IOException, InterruptedException {
    HttpResponse<Stream<String>> response =
        http.send(post(path, body), HttpResponse.BodyHandlers.ofLines());
    List<JsonNode> events = new ArrayList<>();
    boolean done = false;
    try (Stream<String> lines = response.body()) {
      for (String line : (Iterable<String>) lines::iterator) {
        if (line.startsWith("data: ")) {
          if (done) {
            throw new AssertionError("after [DONE]: " + line);
          }
          done = line.equals("data: [DONE]");
          if (!done) {
            events.add(JSON.readTree(line.substring("data: ".length())));
          }
        } else if (!line.isEmpty() && !line.startsWith(":")) {
          throw new AssertionError(response.statusCode() + " " + line);
        }
      }
    }
    if (!done) {
      throw new AssertionError("no [DONE] after " + events);
    }
    return events;
  }

  /** The text of a choice of a stream. */
  static String text(List<JsonNode> events, int index) {
    StringBuilder text = new StringBuilder();
    for (JsonNode event : events) {
      for (JsonNode choice : event.get("choices")) {
        if (choice.get("index").intValue() == index) {
          text.append(choice.path("delta").path("content").asText());
          text.append(choice.path("text").asText());
        }
      }
    }
    return text.toString();
  }
}

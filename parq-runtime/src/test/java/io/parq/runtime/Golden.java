package io.parq.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What reference/chat_golden.py wrote. */
public final class Golden {
  private static final Path FOLDER =
      Path.of(System.getProperty("basedir", "")).resolve("src/test/resources/golden");

  /** A tiny model that chats. */
  public static final Path CHAT = FOLDER.resolve("chat");

  private Golden() {}

  /** The content of a file. */
  public static JsonNode json(String name) throws IOException {
    return new ObjectMapper().readTree(FOLDER.resolve(name).toFile());
  }

  static List<Message> messages(JsonNode messages) {
    List<Message> all = new ArrayList<>();
    for (JsonNode message : messages) {
      all.add(new Message(message.get("role").textValue(), message.get("content").textValue()));
    }
    return all;
  }

  static int[] ids(JsonNode ids) {
    return IntStream.range(0, ids.size()).map(i -> ids.get(i).intValue()).toArray();
  }
}

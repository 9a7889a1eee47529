package io.parq.torch.train;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Reads files with a JSON object on each line. */
final class JsonLines {
  private static final ObjectReader JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build()
          .reader();

  private JsonLines() {}

  /**
   * Hands over line by line; empty ones are left out.
   *
   * @throws IllegalArgumentException if a line is not an object or the consumer refuses it with
   *     this exception; the message names file and line
   */
  static void read(Path file, Consumer<JsonNode> consumer) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      String line;
      for (long number = 1; (line = reader.readLine()) != null; number++) {
        if (!line.isBlank()) {
          read(file + ":" + number + ": ", line, consumer);
        }
      }
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": not UTF-8", e);
    }
  }

  private static void read(String place, String line, Consumer<JsonNode> consumer)
      throws IOException {
    try {
      JsonNode node = JSON.readTree(line);
      if (!node.isObject()) {
        throw new IllegalArgumentException("%s, expected an object".formatted(node.getNodeType()));
      }
      consumer.accept(node);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(place + "bad JSON: " + e.getOriginalMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(place + e.getMessage(), e);
    }
  }

  /** The text of a string node. */
  static String string(String what, JsonNode node) {
    if (!node.isTextual()) {
      throw new IllegalArgumentException(
          "%s is %s, expected a string".formatted(what, node.getNodeType()));
    }
    return node.textValue();
  }
}

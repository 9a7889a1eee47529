package io.parq.torch.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Turns files into {@link TokenData}. */
final class TokenReader {
  /** Characters that are tokenized at a time. */
  static final int PIECE = 1 << 20;

  private final String source;
  private final TextCodec codec;
  private final ChatTemplate template;
  private final Tokens tokens = new Tokens();
  private TextSize textSize = TextSize.EMPTY;
  private boolean empty = true;

  TokenReader(String source, TextCodec codec, ChatTemplate template) {
    this.source = source;
    this.codec = codec;
    this.template = template;
  }

  TokenData read(Path file, TextFormat format) throws IOException {
    if (format.hasLines(file)) {
      start();
      JsonLines.read(file, line -> document(line, format));
      return data("documents");
    }
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      return plainText(reader);
    } catch (CharacterCodingException e) {
      throw new IOException(source + ": not UTF-8", e);
    }
  }

  TokenData plainText(Reader reader) throws IOException {
    start();
    char[] piece = new char[PIECE];
    int filled = 0;
    int read;
    while ((read = reader.read(piece, filled, PIECE - filled)) >= 0) {
      filled += read;
      if (filled == PIECE) {
        int end = cut(piece);
        text(new String(piece, 0, end));
        System.arraycopy(piece, end, piece, 0, PIECE - end);
        filled = PIECE - end;
      }
    }
    text(new String(piece, 0, filled));
    return data("text");
  }

  /** Where a full piece ends: after its last line, or else before half a surrogate pair. */
  private static int cut(char[] piece) {
    for (int i = PIECE; i > PIECE / 2; i--) {
      if (piece[i - 1] == '\n') {
        return i;
      }
    }
    return Character.isHighSurrogate(piece[PIECE - 1]) ? PIECE - 1 : PIECE;
  }

  private void document(JsonNode line, TextFormat format) {
    JsonNode text = line.path(format.takesText() ? "text" : "");
    JsonNode messages = line.path(format.takesChats() ? "messages" : "");
    if (text.isMissingNode() == messages.isMissingNode()) {
      List<String> keys = line.properties().stream().map(Map.Entry::getKey).toList();
      throw new IllegalArgumentException("keys %s, expected %s".formatted(keys, format.keys()));
    }
    // The first document follows the token that starts the stream.
    if (tokens.size() > 1) {
      codec.begin().ifPresent(id -> tokens.add(id, false));
    }
    if (messages.isMissingNode()) {
      text(JsonLines.string("\"text\"", text));
    } else {
      chat(messages);
    }
    codec.end().ifPresent(id -> tokens.add(id, messages.isMissingNode()));
  }

  private void chat(JsonNode messages) {
    if (!messages.isArray()) {
      throw new IllegalArgumentException(
          "\"messages\" is %s, expected a list".formatted(messages.getNodeType()));
    }
    boolean answered = false;
    String before = "";
    for (int i = 0; i < messages.size(); i++) {
      JsonNode message = messages.get(i);
      String role = JsonLines.string("role of message " + i, message.path("role"));
      String content = JsonLines.string("content of message " + i, message.path("content"));
      switch (role) {
        case "system" -> {
          if (template.system().isEmpty()) {
            before += content + "\n\n";
          } else {
            message(template.system(), content, false);
          }
        }
        case "user" -> {
          message(template.user(), before + content, false);
          before = "";
        }
        case "assistant" -> {
          message(template.assistant(), content, true);
          answered = true;
        }
        default ->
            throw new IllegalArgumentException(
                "role of message %d is \"%s\", expected system, user or assistant"
                    .formatted(i, role));
      }
    }
    if (!answered) {
      throw new IllegalArgumentException("no message of the assistant, expected at least one");
    }
  }

  private void message(String prefix, String content, boolean count) {
    tokens.add(codec.encode(prefix), false);
    tokens.add(codec.encode(content + template.end()), count);
    if (!template.gap().isEmpty()) {
      tokens.add(codec.encode(template.gap()), false);
    }
    if (count) {
      textSize = textSize.plus(TextSize.of(content));
    }
    empty = false;
  }

  private void start() {
    codec.start().ifPresent(id -> tokens.add(id, false));
  }

  private void text(String text) {
    int[] ids = codec.encode(text);
    tokens.add(ids, true);
    textSize = textSize.plus(TextSize.of(text));
    empty &= ids.length == 0;
  }

  private TokenData data(String expected) {
    if (empty) {
      throw new IllegalArgumentException(source + ": empty, expected " + expected);
    }
    return new TokenData(tokens.toArray(), textSize);
  }
}

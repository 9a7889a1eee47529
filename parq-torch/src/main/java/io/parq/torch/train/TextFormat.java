package io.parq.torch.train;

import java.nio.file.Path;

/** How text is laid out in a file. */
public enum TextFormat {
  /**
   * By the file's name: a JSON object a line if it ends in {@code .jsonl}, otherwise plain text.
   */
  AUTO,
  /** Plain text. */
  TEXT,
  /** A JSON object with the key {@code text} in each line. */
  JSONL,
  /** A JSON object with the key {@code messages} in each line: a chat. */
  CHAT;

  /** Whether a file is read line by line. */
  boolean hasLines(Path file) {
    return switch (this) {
      case AUTO -> file.toString().endsWith(".jsonl");
      case TEXT -> false;
      case JSONL, CHAT -> true;
    };
  }

  /** What a line must have. */
  String keys() {
    return switch (this) {
      case AUTO -> "either \"text\" or \"messages\"";
      case TEXT, JSONL -> "\"text\"";
      case CHAT -> "\"messages\"";
    };
  }

  /** Whether lines may be texts. */
  boolean takesText() {
    return this != CHAT;
  }

  /** Whether lines may be chats. */
  boolean takesChats() {
    return this != JSONL;
  }
}

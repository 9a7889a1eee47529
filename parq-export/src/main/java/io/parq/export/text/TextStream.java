package io.parq.export.text;

import java.util.List;
import java.util.function.Consumer;

/**
 * Hands a generated text on in pieces that will not change any more: whole characters, and nothing
 * that may turn out to be a stop string. Not thread-safe.
 */
public final class TextStream {
  /** What decoders put for the bytes of a character that is not complete yet. */
  private static final char INCOMPLETE = '\uFFFD';

  private final List<String> stops;
  private final Consumer<String> consumer;
  private String text = "";
  private int sent;

  /**
   * An empty text.
   *
   * @param stops strings that end the text and are not part of it, none empty; not copied
   * @param consumer is given the pieces
   */
  public TextStream(List<String> stops, Consumer<String> consumer) {
    this.stops = stops;
    this.consumer = consumer;
  }

  /**
   * Takes the text so far.
   *
   * @param decoded what all tokens stand for; characters that are not complete are U+FFFD
   * @return whether it holds a stop string, before which it then ends
   */
  public boolean update(String decoded) {
    text = decoded;
    int stop = firstStop();
    if (stop >= 0) {
      text = text.substring(0, stop);
      return true;
    }
    send(certain());
    return false;
  }

  private int firstStop() {
    return stops.stream().mapToInt(text::indexOf).filter(at -> at >= 0).min().orElse(-1);
  }

  /** The length of the text without what may change or become a stop string. */
  private int certain() {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == INCOMPLETE) {
      end--;
    }
    for (int from = sent; from < end; from++) {
      String rest = text.substring(from, end);
      if (stops.stream().anyMatch(stop -> stop.startsWith(rest))) {
        return from;
      }
    }
    return end;
  }

  private void send(int end) {
    if (end > sent) {
      consumer.accept(text.substring(sent, end));
      sent = end;
    }
  }

  /**
   * Sends what was held back.
   *
   * @return the whole text
   */
  public String finish() {
    send(text.length());
    return text;
  }
}

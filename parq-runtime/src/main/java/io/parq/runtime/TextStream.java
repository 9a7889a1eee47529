package io.parq.runtime;

import java.util.List;
import java.util.function.Consumer;

/** Hands a growing text on in pieces that will not change any more. */
final class TextStream {
  /** What decoders put for the bytes of a character that is not complete yet. */
  private static final char INCOMPLETE = '\uFFFD';

  private final List<String> stops;
  private final Consumer<String> consumer;
  private String text = "";
  private int sent;

  TextStream(List<String> stops, Consumer<String> consumer) {
    this.stops = stops;
    this.consumer = consumer;
  }

  /**
   * Takes the text so far.
   *
   * @return whether it holds a stop string, with which it ends
   */
  boolean update(String decoded) {
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

  /** Sends what was held back. */
  String finish() {
    send(text.length());
    return text;
  }
}

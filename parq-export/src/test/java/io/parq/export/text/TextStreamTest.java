package io.parq.export.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is sent does not change any more. */
class TextStreamTest {
  private final List<String> pieces = new ArrayList<>();

  @Test
  void incompleteCharactersWait() {
    TextStream stream = new TextStream(List.of(), pieces::add);
    stream.update("a\uFFFD");
    stream.update("a\uFFFD\uFFFD");
    stream.update("a\u20ac");
    stream.update("a\u20acb\uFFFD");
    assertEquals("a\u20acb\uFFFD", stream.finish());
    assertEquals(List.of("a", "\u20ac", "b", "\uFFFD"), pieces);
  }

  @Test
  void whatMayBecomeAStopStringWaits() {
    TextStream stream = new TextStream(List.of("end", "nothing"), pieces::add);
    assertFalse(stream.update("an"));
    assertEquals(List.of("a"), pieces);
    assertFalse(stream.update("and"));
    assertFalse(stream.update("and e"));
    assertEquals(List.of("a", "nd", " "), pieces);
    assertTrue(stream.update("and end of"));
    assertEquals("and ", stream.finish());
    assertEquals(List.of("a", "nd", " "), pieces);
  }
}

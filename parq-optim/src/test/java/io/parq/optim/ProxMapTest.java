package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProxMapTest {
  @ParameterizedTest
  @ValueSource(strings = {"", "soft", "parq", "parq:1", "parq:a:2", "hard:1", "binary-relax:1:2:3"})
  void refusesOtherTexts(String text) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> ProxMap.parse(text)).getMessage();
    assertTrue(message.contains("'" + text + "'") && message.contains("expected"), message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"parq:5:2", "parq:1:2:0:0.5", "binary-relax:2:2"})
  void refusesSettingsOutOfRange(String text) {
    assertThrows(IllegalArgumentException.class, () -> ProxMap.parse(text));
  }
}

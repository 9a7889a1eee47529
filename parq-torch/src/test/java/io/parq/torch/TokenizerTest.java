package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.export.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String MIXED = "naïve 日本語 😀\n\ttwo  spaces";

  @Test
  void idsAreThoseOfTheReference() throws IOException {
    Path folder = Golden.folder("tokenizer");
    JsonNode cases = JSON.readTree(Files.readString(folder.resolve("expected.json")));
    assertTrue(cases.size() >= 4);
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      for (JsonNode example : cases) {
        int[] expected = JSON.convertValue(example.get("ids"), int[].class);
        String text = example.get("text").textValue();
        assertArrayEquals(expected, tokenizer.encode(text, true), text);
        assertEquals(text, tokenizer.decode(expected, true));
      }
    }
  }

  @Test
  void longTextsAreNotCut() throws IOException {
    String text = "LATIN SMALL LETTER ".repeat(20_000);
    try (Tokenizer tokenizer = Tokenizer.load(Golden.folder("tokenizer"))) {
      assertEquals(text, tokenizer.decode(tokenizer.encode(text, false), true));
    }
  }

  @Test
  void specialTokensAreFoundAndLeftOutOnRequest() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(Golden.folder("tokenizer"))) {
      assertEquals(OptionalInt.of(0), tokenizer.find("<|end|>"));
      assertEquals(OptionalInt.empty(), tokenizer.find("<|start|>"));
      assertEquals("onetwo", tokenizer.decode(tokenizer.encode("one<|end|>two", false), false));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "plain", MIXED, "\u0000\u00a0\u00ad\u00ff"})
  void bytesAreTheSameThroughTheirTokenizerJson(String text, @TempDir Path folder)
      throws IOException {
    try (Tokenizer bytes = Tokenizer.bytes()) {
      bytes.save(folder);
      int[] ids = bytes.encode(text, true);
      assertEquals(text, bytes.decode(ids, false));
      try (Tokenizer read = Tokenizer.load(folder)) {
        assertArrayEquals(ids, read.encode(text, true));
        assertEquals(text, read.decode(ids, false));
      }
    }
  }

  @Test
  void bytesKnowOnlyBytes() {
    try (Tokenizer bytes = Tokenizer.bytes()) {
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class, () -> bytes.decode(new int[] {65, 256}, false));
      assertEquals("id 256 at index 1, expected 0 to 255", error.getMessage());
      assertEquals(OptionalInt.of(10), bytes.find("\n"));
      assertEquals(OptionalInt.empty(), bytes.find("é"));
    }
  }

  @Test
  void savingCopiesTheFiles(@TempDir Path folder) throws IOException {
    Path source = Golden.folder("tokenizer");
    try (Tokenizer tokenizer = Tokenizer.load(source)) {
      tokenizer.save(folder);
    }
    assertEquals(
        -1, Files.mismatch(source.resolve("tokenizer.json"), folder.resolve("tokenizer.json")));
  }

  @Test
  void badFilesAreNamed(@TempDir Path folder) throws IOException {
    assertThrows(NoSuchFileException.class, () -> Tokenizer.load(folder));
    Files.writeString(folder.resolve("tokenizer.json"), "{}");
    ModelFormatException error =
        assertThrows(ModelFormatException.class, () -> Tokenizer.load(folder));
    assertTrue(error.getMessage().contains("tokenizer.json"), error.getMessage());
  }
}

package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Texts and chats as tokens, with exact masks. */
class TokenDataTest {
  private static final TextCodec PLAIN = Codecs.PLAIN;
  private static final TextCodec BOTH = Codecs.BEGINNING;

  @TempDir private Path folder;

  private TokenData read(String name, String content, TextCodec codec) throws IOException {
    Path file = Files.writeString(folder.resolve(name), content);
    return TokenData.read(file, codec, ChatTemplate.of(codec));
  }

  /** The tokens as text, E and B for special ones, M for the mark; uncounted ones in brackets. */
  private static String show(TokenData data) {
    StringBuilder text = new StringBuilder();
    boolean counting = true;
    for (int i = 0; i < data.size(); i++) {
      if (data.counts(i) != counting) {
        text.append(counting ? '[' : ']');
        counting = !counting;
      }
      int id = data.id(i);
      text.append(
          switch (id) {
            case Codecs.END -> "E";
            case Codecs.BEGIN -> "B";
            case 256 -> "M";
            case '\n' -> "/";
            default -> "" + (char) id;
          });
    }
    return text.append(counting ? "" : "]").toString();
  }

  @Test
  void plainTextIsOneRunningText() throws IOException {
    assertEquals("[E]one two/three", show(read("a.txt", "one two\nthree", PLAIN)));
    assertEquals("[B]x", show(read("a.txt", "x", BOTH)));
    assertEquals("xy", show(TokenData.ofText("xy", Codecs.NEITHER)));
    assertEquals(new TextSize(13, 13, 3), read("a.txt", "one two\nthree", PLAIN).textSize());
  }

  @Test
  void aFormatThatIsGivenCounts() throws IOException {
    String text = "{\"text\": \"ab\"}\n";
    String chat =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"},"
            + " {\"role\": \"assistant\", \"content\": \"a\"}]}\n";
    assertEquals(read("a.jsonl", text, PLAIN), read(TextFormat.JSONL, "a.txt", text));
    assertEquals(read("c.jsonl", chat, PLAIN), read(TextFormat.CHAT, "c.json", chat));
    assertEquals("[E]" + text.replace('\n', '/'), show(read(TextFormat.TEXT, "a.jsonl", text)));
    assertEquals(
        folder.resolve("a.txt") + ":1: keys [text], expected \"messages\"",
        assertThrows(IllegalArgumentException.class, () -> read(TextFormat.CHAT, "a.txt", text))
            .getMessage());
    assertEquals(
        folder.resolve("c.txt") + ":1: keys [messages], expected \"text\"",
        assertThrows(IllegalArgumentException.class, () -> read(TextFormat.JSONL, "c.txt", chat))
            .getMessage());
  }

  private TokenData read(TextFormat format, String name, String content) throws IOException {
    Path file = Files.writeString(folder.resolve(name), content);
    return TokenData.read(file, format, PLAIN, ChatTemplate.of(PLAIN));
  }

  @Test
  void longTextsAreCutAfterLines() throws IOException {
    String line = "abcdefghij\n";
    String text = line.repeat(3 * TokenReader.PIECE / line.length());
    TokenData data = read("long.txt", text, PLAIN);
    assertEquals(text.length() + 1, data.size());
    assertEquals(text.length() / line.length(), data.textSize().words());
    for (int i = 1; i < data.size(); i++) {
      assertEquals(text.charAt(i - 1), data.id(i));
    }
    String unbroken = "\uD83D\uDE00".repeat(TokenReader.PIECE) + "x";
    TokenData pairs = TokenData.ofText("x" + unbroken, PLAIN);
    assertEquals(4 * TokenReader.PIECE + 3, pairs.size());
    assertEquals(TokenReader.PIECE + 2, pairs.textSize().characters());
    assertEquals(4L * TokenReader.PIECE + 2, pairs.textSize().bytes());
  }

  @Test
  void documentsEndWithTheirToken() throws IOException {
    String lines = "{\"text\": \"ab\", \"id\": 3}\n\n{\"text\": \"c\"}\n";
    assertEquals("[E]abEcE", show(read("a.jsonl", lines, PLAIN)));
    assertEquals("[B]abE[B]cE", show(read("a.jsonl", lines, BOTH)));
    assertEquals("abc", show(read("a.jsonl", lines, Codecs.NEITHER)));
  }

  private static final String CHAT =
      "{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"q\"},"
          + "{\"role\":\"assistant\",\"content\":\"yes\"},{\"role\":\"user\",\"content\":\"r\"},"
          + "{\"role\":\"assistant\",\"content\":\"no\"}]}\n";

  @Test
  void onlyTheAssistantCounts() throws IOException {
    assertEquals(
        "[ESystem: S/User: q/Assistant: ]yes/[User: r/Assistant: ]no/[E]",
        show(read("a.jsonl", CHAT, PLAIN)));
    assertEquals(new TextSize(5, 5, 2), read("a.jsonl", CHAT, PLAIN).textSize());
  }

  @Test
  void marksAreSingleTokens() throws IOException {
    Path model = Codecs.folder(folder.resolve("model"), "<|im_end|>");
    Files.writeString(model.resolve("config.json"), "{\"eos_token_id\": 255}");
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [255, 256]}");
    try (TextCodec codec = TextCodec.load(model)) {
      assertEquals(OptionalInt.of('B'), codec.begin());
      assertEquals(List.of(255, 256), codec.ends());
      assertEquals(ChatTemplate.CHATML, ChatTemplate.of(codec));
      TokenData marked = read("a.jsonl", CHAT, codec);
      assertEquals(
          "[B<|im_start|>system/SM/<|im_start|>user/qM/<|im_start|>assistant/]yesM"
              + "[/<|im_start|>user/rM/<|im_start|>assistant/]noM[/E]",
          show(marked));
    }
    Files.writeString(model.resolve("config.json"), "{\"eos_token_id\": \"x\"}");
    assertThrows(IllegalArgumentException.class, () -> TextCodec.load(model));
  }

  @Test
  void templatesAreChosenByTheirMark() throws IOException {
    for (ChatTemplate template :
        List.of(ChatTemplate.LLAMA3, ChatTemplate.PHI3, ChatTemplate.GEMMA)) {
      try (TextCodec codec = TextCodec.load(Codecs.folder(folder.resolve("m"), template.end()))) {
        assertEquals(template, ChatTemplate.of(codec));
        assertEquals(List.of(), codec.ends());
      }
    }
    assertEquals(ChatTemplate.PLAIN, ChatTemplate.of(PLAIN));
  }

  @Test
  void gemmaHasNoSystemMessage() throws IOException {
    Path file = Files.writeString(folder.resolve("a.jsonl"), CHAT);
    assertTrue(
        show(TokenData.read(file, PLAIN, ChatTemplate.GEMMA))
            .startsWith("[E<start_of_turn>user/S//q<end_of_turn>/<start_of_turn>model/]yes<end"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"text": 3}|a.jsonl:2: "text" is NUMBER, expected a string
          {"text": "a", "messages": []}|a.jsonl:2: keys [text, messages], expected either "text" or "messages"
          {"txt": "a"}|a.jsonl:2: keys [txt], expected either "text" or "messages"
          ["a"]|a.jsonl:2: ARRAY, expected an object
          {"messages": {}}|a.jsonl:2: "messages" is OBJECT, expected a list
          {"messages": []}|a.jsonl:2: no message of the assistant, expected at least one
          {"messages": [{"role": "tool", "content": "x"}]}|a.jsonl:2: role of message 0 is "tool", expected system, user or assistant
          {"messages": [{"role": "user"}]}|a.jsonl:2: content of message 0 is MISSING, expected a string
          {"messages": ["x"]}|a.jsonl:2: role of message 0 is MISSING, expected a string
          """)
  void badLinesAreNamed(String line, String message) {
    String found =
        assertThrows(
                IllegalArgumentException.class,
                () -> read("a.jsonl", "{\"text\": \"fine\"}\n" + line + "\n", PLAIN))
            .getMessage();
    assertTrue(found.endsWith(message), found);
  }

  @Test
  void badFilesAreNamed() throws IOException {
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> read("a.jsonl", "{\"text\": \"a\"", PLAIN))
            .getMessage();
    assertTrue(message.contains("a.jsonl:1: bad JSON: "), message);
    assertThrows(
        IllegalArgumentException.class, () -> read("a.jsonl", "{\"text\":\"a\"} x", PLAIN));
    assertThrows(IllegalArgumentException.class, () -> read("a.jsonl", "\n", PLAIN));
    message =
        assertThrows(IllegalArgumentException.class, () -> read("a.txt", "", PLAIN)).getMessage();
    assertTrue(message.endsWith("a.txt: empty, expected text"), message);
    Path latin = Files.write(folder.resolve("b.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    message =
        assertThrows(IOException.class, () -> TokenData.read(latin, PLAIN, ChatTemplate.PLAIN))
            .getMessage();
    assertTrue(message.endsWith("b.txt: not UTF-8"), message);
  }

  @Test
  void checksumsTellDataApart() {
    TokenData data = TinyModel.data(10_000, 1);
    assertEquals(data.checksum(), TinyModel.data(10_000, 1).checksum());
    assertEquals(data, TinyModel.data(10_000, 1));
    assertNotEquals(data.checksum(), TinyModel.data(10_000, 2).checksum());
    assertThrows(
        IllegalArgumentException.class, () -> TokenData.of(new int[] {1, -1}, TextSize.EMPTY));
  }

  @Test
  void textsAreMeasured() {
    assertEquals(TextSize.EMPTY, TextSize.of(""));
    assertEquals(
        new TextSize(13, 8, 2),
        TextSize.of(" \u00e4\u20ac \uD83D\uDE00 \n").plus(new TextSize(0, 1, 0)));
  }
}

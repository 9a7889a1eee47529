package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversations against transformers' answers. */
class ChatTest {
  private static final Generation GREEDY = Generation.greedy(48);

  private static LanguageModel model;

  @BeforeAll
  static void load() throws IOException {
    model = LanguageModel.load(Golden.CHAT);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void answersAreThoseOfTransformers() throws IOException {
    for (JsonNode golden : Golden.json("answers.json")) {
      List<Message> messages = Golden.messages(golden.get("messages"));
      assertArrayEquals(Golden.ids(golden.get("ids")), model.prompt(messages));
      StringBuilder streamed = new StringBuilder();
      Generation.Result answer = model.chat(messages, GREEDY, streamed::append);
      assertEquals(golden.get("text").textValue(), answer.text());
      assertEquals(answer.text(), streamed.toString());
      assertEquals(golden.get("answer").size(), answer.tokens());
      Sampling penalizing = new Sampling(0, 0, 1, 0, 1.3, 0);
      Generation penalized = new Generation(48, penalizing, List.of());
      assertEquals(
          model.decode(Golden.ids(golden.get("penalized"))),
          model.chat(messages, penalized, _ -> {}).text());
    }
  }

  @Test
  void conversationsThatGoOnAreReadOnce() {
    Chat chat = new Chat(model);
    chat.system("short");
    chat.say("one", GREEDY, _ -> {});
    long first = chat.messages().size();
    Generation.Result second = chat.say("two", GREEDY, _ -> {});
    assertEquals(3, first);
    assertEquals(5, chat.messages().size());
    List<Message> asked = chat.messages().subList(0, 4);
    assertEquals(model.chat(asked, GREEDY, _ -> {}).text(), second.text());
    assertEquals(model.prompt(asked).length, second.promptTokens());
    chat.clear();
    assertEquals(List.of(), chat.messages());
    assertEquals(
        model.chat(List.of(Message.user("one")), GREEDY, _ -> {}).text(),
        chat.say("one", GREEDY, _ -> {}).text());
  }

  @Test
  void interruptedAnswersEnd() {
    Chat chat = new Chat(model);
    List<String> pieces = new ArrayList<>();
    Generation.Result answer =
        chat.say(
            "one",
            GREEDY,
            piece -> {
              pieces.add(piece);
              Thread.currentThread().interrupt();
            });
    assertTrue(Thread.interrupted());
    assertEquals(Generation.End.CANCELLED, answer.end());
    assertTrue(answer.tokens() < 48, answer.toString());
    assertTrue(answer.text().startsWith(pieces.getFirst()));
    assertEquals(answer.text(), chat.messages().getLast().content());
  }

  @Test
  void stopStringsAreHeldBack() throws IOException {
    JsonNode golden = Golden.json("answers.json").get(0);
    List<Message> messages = Golden.messages(golden.get("messages"));
    String text = golden.get("text").textValue();
    String stop = "ITHzf"; // the end of a token, a second and a third one
    int at = text.indexOf(stop);
    assertTrue(at > 0);
    List<String> pieces = new ArrayList<>();
    Generation generation = new Generation(48, Sampling.GREEDY, List.of("nothing", stop));
    Generation.Result answer = model.chat(messages, generation, pieces::add);
    assertEquals(Generation.End.STOP_STRING, answer.end());
    assertEquals(text.substring(0, at), answer.text());
    assertEquals(answer.text(), String.join("", pieces));
  }

  @Test
  void failedQuestionsAreForgotten() {
    Chat chat = new Chat(model);
    chat.say("one", GREEDY, _ -> {});
    assertThrows(
        IllegalArgumentException.class, () -> chat.say("long ".repeat(1000), GREEDY, _ -> {}));
    assertEquals(2, chat.messages().size());
    assertEquals(4, sayAndCount(chat));
  }

  private static int sayAndCount(Chat chat) {
    chat.say("two", GREEDY, _ -> {});
    return chat.messages().size();
  }

  @Test
  void modelsWithoutATemplateContinueTextsOnly(@TempDir Path folder) throws IOException {
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.copy(Golden.CHAT.resolve(name), folder.resolve(name));
    }
    List<Message> messages = List.of(Message.user("one"));
    try (LanguageModel plain = LanguageModel.load(folder)) {
      assertFalse(plain.chats());
      assertTrue(model.chats());
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> plain.prompt(messages));
      assertTrue(e.getMessage().contains("no chat template"), e.getMessage());
      assertEquals(48, plain.generate("one", GREEDY, _ -> {}).tokens());
    }
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        """
        {"bos_token": {"content": "<|end|>"}, "chat_template": [
          {"name": "tool_use", "template": "tools"},
          {"name": "default", "template": "{{ bos_token }}{{ messages[0].content }}"}]}
        """);
    try (LanguageModel named = LanguageModel.load(folder)) {
      assertArrayEquals(named.encode("<|end|>one"), named.prompt(messages));
      assertThrows(IllegalArgumentException.class, () -> named.prompt(List.of()));
    }
    Files.writeString(folder.resolve("chat_template.jinja"), "{{ broken");
    try (LanguageModel broken = LanguageModel.load(folder)) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> broken.prompt(messages));
      assertTrue(e.getMessage().contains("chat_template.jinja: line 1"), e.getMessage());
      assertEquals(48, broken.generate("one", GREEDY, _ -> {}).tokens());
    }
  }
}

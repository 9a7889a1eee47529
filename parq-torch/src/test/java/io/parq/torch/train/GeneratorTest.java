package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.parq.export.text.Generation;
import io.parq.export.text.Generation.End;
import io.parq.export.text.Sampling;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Generation: ends, streaming, seeds. */
class GeneratorTest {
  private static final TextCodec CODEC = Codecs.PLAIN;

  /** Says the letters after the last one; after "z" the text ends. */
  private static TableModel alphabet() {
    float[][] rows = new float[256][256];
    for (int i = 0; i < 256; i++) {
      rows[i][i == 'z' ? Codecs.END : i >= 'a' && i < 'z' ? i + 1 : 'a'] = 5;
    }
    return new TableModel(rows);
  }

  private static void assertGenerates(
      String text, int tokens, End end, String prompt, Generation how, String... pieces) {
    List<String> streamed = new ArrayList<>();
    Generation.Result result =
        new Generator(alphabet(), CODEC, 8).generate(prompt, how, streamed::add);
    assertEquals(text, result.text());
    assertEquals(tokens, result.tokens());
    assertEquals(end, result.end());
    assertEquals(Math.max(1, prompt.length()), result.promptTokens());
    assertEquals(List.of(pieces), streamed);
  }

  @Test
  void stopsAtTheEndOfText() {
    Generation how = Generation.greedy(50);
    assertGenerates("wxyz", 5, End.END_OF_TEXT, "tuv", how, "w", "x", "y", "z");
  }

  @Test
  void stopsAtLength() {
    assertGenerates("bcd", 3, End.LENGTH, "a", Generation.greedy(3), "b", "c", "d");
    assertGenerates("abc", 3, End.LENGTH, "", Generation.greedy(3), "a", "b", "c");
  }

  @Test
  void stopsAtStringsAndHoldsThemBack() {
    Generation how = new Generation(50, Sampling.GREEDY, List.of("efg", "dx", "fgh"));
    assertGenerates("bcd", 6, End.STOP_STRING, "a", how, "b", "c", "d");
    Generation cut = new Generation(5, Sampling.GREEDY, List.of("efz"));
    assertGenerates("bcdef", 5, End.LENGTH, "a", cut, "b", "c", "d", "ef");
  }

  @Test
  void sameSeedSameText() {
    float[][] even = new float[256][256];
    Generator generator = new Generator(new TableModel(even), CODEC, 4);
    Generation how = new Generation(30, Sampling.at(1, 3), List.of());
    String first = generator.generate("a", how, piece -> {}).text();
    assertEquals(first, generator.generate("a", how, piece -> {}).text());
    Generation other = new Generation(30, Sampling.at(1, 4), List.of());
    assertNotEquals(first, generator.generate("a", other, piece -> {}).text());
  }

  @Test
  void anEmptyPromptNeedsATokenThatBegins() {
    Generator generator = new Generator(alphabet(), Codecs.NEITHER, 4);
    assertThrows(
        IllegalArgumentException.class,
        () -> generator.generate("", Generation.greedy(1), piece -> {}));
  }
}

package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.torch.train.Generator.End;
import io.parq.torch.train.Generator.Options;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Generation: choice of tokens, ends, streaming. */
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

  private static Generator.Result generate(String prompt, Options options, List<String> pieces) {
    return new Generator(alphabet(), CODEC, 8).generate(prompt, options, pieces::add);
  }

  @Test
  void stopsAtTheEndOfText() {
    List<String> pieces = new ArrayList<>();
    Options options = new Options(50, Sampling.GREEDY, List.of());
    assertEquals(
        new Generator.Result("wxyz", 5, End.END_OF_TEXT), generate("tuv", options, pieces));
    assertEquals(List.of("w", "x", "y", "z"), pieces);
  }

  @Test
  void stopsAtLength() {
    Options options = new Options(3, Sampling.GREEDY, List.of());
    assertEquals(
        new Generator.Result("bcd", 3, End.LENGTH), generate("a", options, new ArrayList<>()));
    assertEquals("abc", generate("", options, new ArrayList<>()).text());
  }

  @Test
  void stopsAtStringsAndHoldsThemBack() {
    List<String> pieces = new ArrayList<>();
    Options options = new Options(50, Sampling.GREEDY, List.of("efg", "dx", "fgh"));
    assertEquals(new Generator.Result("bcd", 6, End.STOP_STRING), generate("a", options, pieces));
    assertEquals(List.of("b", "c", "d"), pieces);
    pieces.clear();
    Options cut = new Options(5, Sampling.GREEDY, List.of("efz"));
    assertEquals(new Generator.Result("bcdef", 5, End.LENGTH), generate("a", cut, pieces));
    assertEquals(List.of("b", "c", "d", "ef"), pieces);
  }

  @Test
  void sameSeedSameText() {
    float[][] even = new float[256][256];
    Generator generator = new Generator(new TableModel(even), CODEC, 4);
    Options options = new Options(30, new Sampling(1, 0, 1, 3), List.of());
    Generator.Result first = generator.generate("a", options, piece -> {});
    assertEquals(first, generator.generate("a", options, piece -> {}));
    Options other = new Options(30, new Sampling(1, 0, 1, 4), List.of());
    assertNotEquals(first.text(), generator.generate("a", other, piece -> {}).text());
  }

  private static Map<Integer, Integer> draws(Sampling sampling, float... logits) {
    SplittableRandom random = new SplittableRandom(6);
    Map<Integer, Integer> counts = new HashMap<>();
    for (int i = 0; i < 20_000; i++) {
      counts.merge(sampling.choose(logits, random), 1, Integer::sum);
    }
    return counts;
  }

  private static float log(double x) {
    return (float) Math.log(x);
  }

  @Test
  void drawsFollowProbabilities() {
    float[] logits = {log(0.2), log(0.5), log(0.05), log(0.25)};
    Map<Integer, Integer> counts = draws(new Sampling(1, 0, 1, 0), logits);
    assertEquals(0.2, counts.get(0) / 2e4, 0.015);
    assertEquals(0.5, counts.get(1) / 2e4, 0.015);
    assertEquals(0.05, counts.get(2) / 2e4, 0.015);
    // Square roots and squares of the probabilities, normalized.
    double roots = Math.sqrt(0.2) + Math.sqrt(0.5) + Math.sqrt(0.05) + 0.5;
    assertEquals(
        Math.sqrt(0.5) / roots, draws(new Sampling(2, 0, 1, 0), logits).get(1) / 2e4, 0.015);
    assertEquals(
        0.25 / (0.04 + 0.25 + 0.0025 + 0.0625),
        draws(new Sampling(0.5, 0, 1, 0), logits).get(1) / 2e4,
        0.015);
  }

  @Test
  void topKAndTopPKeepTheMostLikely() {
    float[] logits = {log(0.2), log(0.5), log(0.05), log(0.25)};
    Map<Integer, Integer> two = draws(new Sampling(1, 2, 1, 0), logits);
    assertEquals(Set.of(1, 3), two.keySet());
    assertEquals(2 / 3.0, two.get(1) / 2e4, 0.015);
    assertEquals(Set.of(1), draws(new Sampling(1, 0, 0.49, 0), logits).keySet());
    assertEquals(Set.of(1, 3), draws(new Sampling(1, 0, 0.7, 0), logits).keySet());
    assertEquals(Set.of(0, 1, 3), draws(new Sampling(1, 0, 0.9, 0), logits).keySet());
    // Top-p counts what top-k left: of 2/3 and 1/3 the first reaches 0.6.
    assertEquals(Set.of(1), draws(new Sampling(1, 2, 0.6, 0), logits).keySet());
  }

  @Test
  void tiesGoToTheLowerId() {
    float[] tied = {-1, -0f, 0f, 2, 2, Float.NEGATIVE_INFINITY};
    assertEquals(3, Sampling.GREEDY.choose(tied, new SplittableRandom(1)));
    assertEquals(Set.of(3), draws(new Sampling(1, 1, 1, 0), tied).keySet());
    assertEquals(Set.of(1, 3, 4), draws(new Sampling(50, 3, 1, 0), tied).keySet());
    assertTrue(!draws(new Sampling(1, 0, 1, 0), tied).containsKey(5));
  }

  @Test
  void badSettingsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Sampling(-1, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(Double.NaN, 0, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, -1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1.1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Options(0, Sampling.GREEDY, List.of()));
    assertThrows(
        IllegalArgumentException.class, () -> new Options(1, Sampling.GREEDY, List.of("")));
    Generator generator = new Generator(alphabet(), Codecs.NEITHER, 4);
    assertThrows(
        IllegalArgumentException.class,
        () -> generator.generate("", new Options(1, Sampling.GREEDY, List.of()), piece -> {}));
  }
}

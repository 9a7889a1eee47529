package io.parq.samples.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tiny study, stopped halfway and continued. */
class LongStudyTest {
  private static final Size TINY = new Size(1, 32, 32, 2, 32, 8, 20, 3, 50);

  /** Ten roundings of base and of control, four trials, the base and the control. */
  private static final int ROWS = 2 * 10 + 4 + 2;

  private static final int VARIANTS = 10;

  @TempDir private static Path folder;
  private static Path output;
  private static String printed;

  @BeforeAll
  static void runOnce() throws IOException {
    output = folder.resolve("study");
    printed = run();
  }

  private static String run() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      LongStudy.run(new LongStudy.Options(2, output, 1, TINY, 30), out);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static List<StudyScore> scores() throws IOException {
    return StudyScore.read(Files.readString(output.resolve("scores.csv")));
  }

  @Test
  void scoresEveryModelOnce() throws IOException {
    List<StudyScore> scores = scores();
    assertEquals(2 * (2 * ROWS + VARIANTS), scores.size());
    assertEquals(
        scores.size(),
        scores.stream()
            .map(s -> s.seed() + s.base() + s.weights() + s.method())
            .distinct()
            .count());
    assertTrue(scores.stream().allMatch(score -> score.bits() > 1 && score.bits() < 9));
  }

  @Test
  void goesOnAfterTheLastScore() throws IOException {
    List<StudyScore> before = scores();
    String csv = Files.readString(output.resolve("scores.csv"));
    String table = Files.readString(output.resolve("table.md"));
    List<StudyScore> half = before.subList(0, before.size() - 3);
    Files.writeString(output.resolve("scores.csv"), StudyScore.write(half));
    String again = run();
    assertEquals(3, again.lines().filter(line -> line.startsWith("2;long;")).count(), again);
    assertEquals(csv, Files.readString(output.resolve("scores.csv")));
    assertEquals(table, Files.readString(output.resolve("table.md")));
  }

  @Test
  void tableHasMeanAndSpread() {
    assertTrue(printed.contains("| 3 bits, symmetric | PARQ | "), printed);
    assertTrue(printed.contains("| 2 bits | straight-through | "), printed);
    assertTrue(printed.contains("| 4 bits, groups of 32 | "), printed);
    assertTrue(printed.contains(" ± "), printed);
  }

  @Test
  void differencesArePairedBySeed() {
    List<StudyScore> scores =
        List.of(
            new StudyScore(1, "short", "fp32", "control", 1.0),
            new StudyScore(2, "short", "fp32", "control", 2.0),
            new StudyScore(1, "short", "3 bits", "PTQ error-optimal of control", 1.1),
            new StudyScore(2, "short", "3 bits", "PTQ error-optimal of control", 2.1),
            new StudyScore(1, "short", "4 bits", "PTQ error-optimal of control", 1.03),
            new StudyScore(2, "short", "4 bits", "PTQ error-optimal of control", 2.03),
            new StudyScore(1, "short", "3 bits", "PARQ", 1.02),
            new StudyScore(2, "short", "3 bits", "PARQ", 2.02));
    String table = StudyTable.render(scores);
    assertTrue(
        table.contains("| 3 bits | PARQ | 1.5200 ± 0.7071 | +0.0200 ± 0.0000 | 80 % ± 0 % |"),
        table);
    assertTrue(table.contains("| 4 bits | n/a | -0.0100 ± 0.0000 |"), table);
  }

  @Test
  void damagedScoresAreNamed() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> StudyScore.read("seed,bits\n1,2\n"));
    assertTrue(String.valueOf(e.getMessage()).contains("seed,bits"), e.getMessage());
  }
}

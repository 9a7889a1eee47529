package io.parq.samples.digits;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.samples.DemoOutput;
import io.parq.samples.Progress;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A short run, end to end. */
class DigitsDemoTest {
  private static final int TUNE_EPOCHS = 4;
  private static final List<String> FILES =
      List.of(
          "digits-1bit.safetensors",
          "digits-2bits.safetensors",
          "digits-3bits.safetensors",
          "digits-4bits.safetensors",
          "digits-fp32.safetensors",
          "digits-ternary.safetensors",
          "metrics.csv",
          "report.html");

  @TempDir private static Path folder;
  private static Path output;
  private static String printed;

  @BeforeAll
  static void runOnce() throws IOException {
    output = folder.resolve("deep").resolve("digits");
    printed = run(new DigitsDemo.Options(1, 5, TUNE_EPOCHS, output));
  }

  private static String run(DigitsDemo.Options options) throws IOException {
    return DemoOutput.printed(out -> DigitsDemo.run(options, out));
  }

  @Test
  void writesItsFilesAndNoOthers() throws IOException {
    assertEquals(FILES, DemoOutput.files(output));
  }

  @Test
  void reloadsEveryPackedFile() {
    Matcher reloaded =
        Pattern.compile("reloaded: 599 of 599 predictions identical").matcher(printed);
    assertEquals(Width.values().length, reloaded.results().count(), printed);
  }

  @Test
  void printsARowForEachWidth() {
    for (Width width : Width.values()) {
      assertTrue(
          Pattern.compile("(?m)^" + width.label() + "( +\\d+\\.\\d+ ±  0\\.00( .*)?){3} +[\\d,]+$")
              .matcher(printed)
              .find(),
          printed);
    }
    assertTrue(printed.contains("mean and standard deviation of 1 seed."), printed);
  }

  @Test
  void writesEveryScore() throws IOException {
    List<String> lines = Files.readAllLines(output.resolve("metrics.csv"));
    assertEquals(MetricsCsv.HEADER, lines.getFirst());
    assertEquals(1 + 2 + 3 * Width.values().length, lines.size());
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split(",", -1);
      assertEquals(8, cells.length, line);
      assertEquals("1", cells[0], line);
      int correct = Integer.parseInt(cells[5]);
      int total = Integer.parseInt(cells[6]);
      assertEquals(599, total, line);
      assertEquals(100.0 * correct / total, Double.parseDouble(cells[7]), 1e-4, line);
      assertTrue(Long.parseLong(cells[4]) > 0, line);
    }
    assertTrue(lines.get(1).startsWith("1,fp32,base,fp32,13864,"), lines.get(1));
    assertTrue(lines.get(3).startsWith("1,1 bit,PTQ,lsbq-optimal:1 per-row fp32,"), lines.get(3));
  }

  @Test
  void learns() throws IOException {
    List<String> lines = Files.readAllLines(output.resolve("metrics.csv"));
    // Of ten classes; five epochs are enough to tell learning from guessing.
    double base = Double.parseDouble(lines.get(1).substring(lines.get(1).lastIndexOf(',') + 1));
    assertTrue(base > 85, "base accuracy " + base);
  }

  @Test
  void reportIsOnePage() throws IOException {
    String page = Files.readString(output.resolve("report.html"));
    DemoOutput.assertOnePage(page, 1);
    assertTrue(page.contains("10.24432/C50P49"));
    assertTrue(page.contains("CC BY 4.0"));
  }

  @Test
  void reportShowsWeightsGathering() throws IOException {
    JsonNode data = DemoOutput.data(Files.readString(output.resolve("report.html")));
    assertEquals(Width.values().length, data.get("gathering").size());
    for (JsonNode history : data.get("gathering")) {
      assertEquals(TUNE_EPOCHS + 1, history.get("frames").size());
      JsonNode before = history.get("frames").get(0);
      JsonNode last = history.get("frames").get(TUNE_EPOCHS);
      assertTrue(before.get("onLevel").asDouble() < 0.1, before::toString);
      assertEquals(1, last.get("onLevel").asDouble());
      assertEquals(1, before.get("inverseSlope").asDouble());
      assertEquals(0, last.get("inverseSlope").asDouble());
      assertEquals(heights(history, last, true), heights(history, last, false));
    }
    assertEquals(2 * Digits.CLASSES, data.get("examples").size());
  }

  /** The sum of all bins, or of those with a level in their middle. */
  private static int heights(JsonNode history, JsonNode frame, boolean all) {
    double start = history.get("start").asDouble();
    int binsPerScale = history.get("binsPerScale").asInt();
    List<Integer> middles = new ArrayList<>();
    for (JsonNode level : history.get("levels")) {
      double place = (level.asDouble() - start) * binsPerScale;
      assertEquals(0.5, place - Math.floor(place), 1e-6, "place of level " + level);
      middles.add((int) place);
    }
    int sum = 0;
    for (int i = 0; i < frame.get("counts").size(); i++) {
      if (all || middles.contains(i)) {
        sum += frame.get("counts").get(i).asInt();
      }
    }
    return sum;
  }

  @ParameterizedTest
  @EnumSource
  void parqEndsOnTheLevels(Width width) {
    SeedRun.Outcome outcome = new SeedRun(7, Digits.load(), 1, 2, () -> {}).run();
    Quantized trained = outcome.parq(width);
    for (Mlp.Layer layer : trained.model().layers()) {
      float[] values = trained.weights().get(layer.name() + ".weight").dequantize();
      assertArrayEquals(values, layer.weights(), layer.name());
    }
  }

  @Test
  void sameOptionsGiveTheSameFiles() throws IOException {
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    run(new DigitsDemo.Options(2, 1, 1, first));
    run(new DigitsDemo.Options(2, 1, 1, second));
    for (String file : FILES) {
      assertEquals(-1, Files.mismatch(first.resolve(file), second.resolve(file)), file);
    }
  }

  @Test
  void replacesEarlierFiles() throws IOException {
    Path again = folder.resolve("again");
    run(new DigitsDemo.Options(1, 1, 1, again));
    run(new DigitsDemo.Options(1, 1, 1, again));
    assertEquals(FILES, DemoOutput.files(again));
  }

  @Test
  void failsIfAReloadedNetworkReadsOtherwise() throws IOException {
    Digits digits = Digits.load();
    SeedRun.Outcome outcome = new SeedRun(1, digits, 1, 1, () -> {}).run();
    Path file = folder.resolve("other.safetensors");
    Quantized.afterTraining(new Mlp(99, SeedRun.SIZES), Width.TWO.training()).write(file, Map.of());
    PrintStream out =
        new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8);
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> DigitsDemo.reload(file, outcome, Width.TWO, digits, out));
    assertTrue(e.getMessage().matches(".*reloaded: \\d+ of 599 predictions identical.*"));
  }

  @Test
  void baseIsAnOrdinarySafetensorsFile() throws IOException {
    try (SafetensorsReader reader =
        SafetensorsReader.open(output.resolve("digits-fp32.safetensors"))) {
      assertArrayEquals(new long[] {32, 64}, reader.tensor("layers.0.weight").shape());
      assertEquals(6, reader.tensors().size());
    }
  }

  @Test
  void refusesBadOptions() {
    assertThrows(IllegalArgumentException.class, () -> DigitsDemo.Options.DEFAULTS.withSeeds(0));
    assertThrows(IllegalArgumentException.class, () -> DigitsDemo.main(new String[] {"x"}));
    Path other = Path.of("elsewhere");
    assertEquals(other, DigitsDemo.Options.DEFAULTS.withOutput(other).output());
  }

  @Test
  void linesInsteadOfABarWhereThereIsNoTerminal() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    try (Progress progress = new Progress("Work", 1000, out, false)) {
      for (int i = 0; i < 1000; i++) {
        progress.step();
      }
    }
    String text = bytes.toString(StandardCharsets.UTF_8);
    assertEquals(5, text.lines().count(), text);
    assertTrue(text.contains("Work: 20 %") && text.contains("Work: 100 %"), text);
  }
}

package io.parq.samples.digits;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.HexFormat;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DigitsTest {
  private static final String LINE = "0,".repeat(Digits.PIXELS) + "7\n";

  @Test
  void shipsTheTableThatItsSourceDescribes() throws Exception {
    byte[] table = resource("digits.csv.gz");
    String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(table));
    String source = new String(resource("SOURCE.txt"), StandardCharsets.UTF_8);
    assertTrue(source.contains("sha256 " + sum), () -> sum + " is not in\n" + source);
  }

  @Test
  void countsEachDigit() {
    Digits digits = Digits.load();
    int[] counts = new int[Digits.CLASSES];
    for (int label : digits.labels(IntStream.range(0, Digits.COUNT).toArray())) {
      counts[label]++;
    }
    // scikit-learn's load_digits, numpy.bincount(target).
    assertArrayEquals(new int[] {178, 182, 177, 183, 181, 182, 181, 179, 174, 180}, counts);
  }

  @Test
  void scalesGreyValues() {
    Digits digits = Digits.load();
    float[] first = digits.inputs(0);
    assertEquals(Digits.PIXELS, first.length);
    // The first line of the table: 0,0,5,13,9,1,0,0, ...
    float[] expected = {-1, -1, -0.375f, 0.625f, 0.125f, -0.875f, -1, -1};
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], first[i], "pixel " + i);
    }
    for (float value : digits.inputs(IntStream.range(0, Digits.COUNT).toArray())) {
      assertTrue(value >= -1 && value <= 1, () -> "grey value " + value);
    }
  }

  @Test
  void splitsEachDigitInProportion() {
    Digits digits = Digits.load();
    Digits.Split split = digits.split(3, 1.0 / 3);
    int[] both =
        IntStream.concat(IntStream.of(split.train()), IntStream.of(split.test())).toArray();
    assertArrayEquals(
        IntStream.range(0, Digits.COUNT).toArray(), IntStream.of(both).sorted().toArray());
    assertEquals(599, split.test().length);
    for (int digit = 0; digit < Digits.CLASSES; digit++) {
      int wanted = digit;
      long all = IntStream.of(digits.labels(both)).filter(label -> label == wanted).count();
      long tested =
          IntStream.of(digits.labels(split.test())).filter(label -> label == wanted).count();
      assertEquals(all / 3.0, (double) tested, 0.5, "images of a " + digit);
    }
  }

  @Test
  void sameSeedSameSplit() {
    Digits digits = Digits.load();
    assertArrayEquals(digits.split(5, 0.3).test(), digits.split(5, 0.3).test());
    assertTrue(
        IntStream.of(digits.split(5, 0.3).test()).sum()
            != IntStream.of(digits.split(6, 0.3).test()).sum(),
        "two seeds gave one split");
    assertThrows(IllegalArgumentException.class, () -> digits.split(0, 1));
    assertThrows(IllegalArgumentException.class, () -> digits.split(0, Double.NaN));
  }

  @ParameterizedTest
  @ValueSource(strings = {"17", "-1", "x", "", "1.0", "99999999999"})
  void refusesBadCells(String cell) {
    assertMessage(
        "table line 2 column 1: '" + cell + "', expected a whole number from 0 to 16",
        LINE + cell + "," + "0,".repeat(Digits.PIXELS - 1) + "1\n");
  }

  @Test
  void refusesShortLines() {
    assertMessage("table line 2: 3 columns, expected 65", LINE + "1,2,3\n");
  }

  @Test
  void refusesBadLabels() {
    assertMessage(
        "table line 1 column 65: '10', expected a whole number from 0 to 9",
        "0,".repeat(Digits.PIXELS) + "10\n");
  }

  @Test
  void refusesOtherCounts() {
    assertMessage("table: 2 lines, expected 1797", LINE + LINE);
    assertMessage(
        "table: more than 1797 lines",
        String.join("", Collections.nCopies(Digits.COUNT + 1, LINE)));
  }

  @Test
  void refusesWhatIsNotCompressed() {
    InputStream in = new ByteArrayInputStream(LINE.getBytes(StandardCharsets.US_ASCII));
    assertThrows(IOException.class, () -> Digits.read(in, "table"));
  }

  private static void assertMessage(String message, String table) {
    IOException e = assertThrows(IOException.class, () -> Digits.read(compressed(table), "table"));
    assertEquals(message, e.getMessage());
  }

  private static InputStream compressed(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
      gzip.write(text.getBytes(StandardCharsets.US_ASCII));
    }
    return new ByteArrayInputStream(bytes.toByteArray());
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = Digits.class.getResourceAsStream(name)) {
      assertTrue(in != null, "no resource " + name);
      return in.readAllBytes();
    }
  }
}

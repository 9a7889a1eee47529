package io.parq.samples.digits;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The optical handwritten digits: 1,797 grey images of 8 by 8. Source and licence lie beside the
 * resource, in SOURCE.txt. Immutable.
 */
public final class Digits {
  /** Images in the table. */
  public static final int COUNT = 1797;

  /** Grey values of an image, row by row. */
  public static final int PIXELS = 64;

  /** The digits 0 to 9. */
  public static final int CLASSES = 10;

  private static final String RESOURCE = "digits.csv.gz";
  private static final int BRIGHTEST = 16;

  private final byte[] pixels;
  private final byte[] labels;

  private Digits(byte[] pixels, byte[] labels) {
    this.pixels = pixels;
    this.labels = labels;
  }

  /**
   * Reads the table that ships with this program.
   *
   * @return the data
   */
  public static Digits load() {
    try (InputStream in = Digits.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + RESOURCE + " beside " + Digits.class);
      }
      return read(in, RESOURCE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Reads a table: one line an image, 64 grey values from 0 to 16 and the digit, comma separated.
   *
   * @param gzip the compressed table; not closed
   * @param source what error messages call it
   * @return the data
   * @throws IOException if it cannot be read, or a line is not as described, or there are not 1,797
   *     of them; the message gives source, line, what was found and what was expected
   */
  public static Digits read(InputStream gzip, String source) throws IOException {
    BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(new GZIPInputStream(gzip), StandardCharsets.US_ASCII));
    byte[] pixels = new byte[COUNT * PIXELS];
    byte[] labels = new byte[COUNT];
    int count = 0;
    for (@Nullable String line = reader.readLine(); line != null; line = reader.readLine()) {
      if (count == COUNT) {
        throw new IOException("%s: more than %d lines".formatted(source, COUNT));
      }
      String[] cells = line.split(",", -1);
      String where = "%s line %d".formatted(source, count + 1);
      if (cells.length != PIXELS + 1) {
        throw new IOException(
            "%s: %d columns, expected %d".formatted(where, cells.length, PIXELS + 1));
      }
      for (int i = 0; i < PIXELS; i++) {
        pixels[count * PIXELS + i] = number(cells, i, BRIGHTEST, where);
      }
      labels[count++] = number(cells, PIXELS, CLASSES - 1, where);
    }
    if (count != COUNT) {
      throw new IOException("%s: %d lines, expected %d".formatted(source, count, COUNT));
    }
    return new Digits(pixels, labels);
  }

  private static byte number(String[] cells, int column, int most, String where)
      throws IOException {
    String text = cells[column];
    int value = text.matches("\\d{1,3}") ? Integer.parseInt(text) : -1;
    if (value < 0 || value > most) {
      throw new IOException(
          "%s column %d: '%s', expected a whole number from 0 to %d"
              .formatted(where, column + 1, text, most));
    }
    return (byte) value;
  }

  /**
   * Gathers images as a network reads them.
   *
   * @param images indices of images; not modified
   * @return the grey values, image after image, scaled to -1 (no ink) to 1
   */
  public float[] inputs(int... images) {
    float[] out = new float[Math.multiplyExact(images.length, PIXELS)];
    for (int i = 0; i < images.length; i++) {
      for (int k = 0; k < PIXELS; k++) {
        out[i * PIXELS + k] = pixels[images[i] * PIXELS + k] / (BRIGHTEST / 2f) - 1;
      }
    }
    return out;
  }

  /**
   * {@return the digits of images}
   *
   * @param images indices of images; not modified
   */
  public int[] labels(int... images) {
    return IntStream.of(images).map(image -> labels[image]).toArray();
  }

  /**
   * Cuts the data in two, each digit in the same proportion.
   *
   * @param seed the same seed gives the same parts
   * @param testShare share of each digit's images to test on, above 0 and below 1
   * @return both parts
   */
  public Split split(long seed, double testShare) {
    if (!(testShare > 0 && testShare < 1)) {
      throw new IllegalArgumentException(
          "test share %s, expected above 0 and below 1".formatted(testShare));
    }
    SplittableRandom random = new SplittableRandom(seed);
    IntStream.Builder train = IntStream.builder();
    IntStream.Builder test = IntStream.builder();
    for (int digit = 0; digit < CLASSES; digit++) {
      int wanted = digit;
      int[] images = IntStream.range(0, COUNT).filter(i -> labels[i] == wanted).toArray();
      shuffle(images, random);
      long tested = Math.round(images.length * testShare);
      for (int i = 0; i < images.length; i++) {
        (i < tested ? test : train).add(images[i]);
      }
    }
    return new Split(train.build().sorted().toArray(), test.build().sorted().toArray());
  }

  /** Puts numbers in a random order, in place. */
  static void shuffle(int[] numbers, RandomGenerator random) {
    for (int i = numbers.length - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int held = numbers[i];
      numbers[i] = numbers[other];
      numbers[other] = held;
    }
  }

  /** Indices of the images to train on and of those to test on, both ascending. */
  public static final class Split {
    private final int[] train;
    private final int[] test;

    private Split(int[] train, int[] test) {
      this.train = train;
      this.test = test;
    }

    /** {@return the images to train on, a copy} */
    public int[] train() {
      return train.clone();
    }

    /** {@return the images to test on, a copy} */
    public int[] test() {
      return test.clone();
    }

    @Override
    public String toString() {
      return "train " + Arrays.toString(train) + " test " + Arrays.toString(test);
    }
  }
}

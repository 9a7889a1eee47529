package io.parq.samples.names;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.zip.CRC32C;

/**
 * The names of the Unicode characters, a real text that every JDK carries, one a line. Names that
 * only repeat their code point (CJK UNIFIED IDEOGRAPH-4E00) are left out. A sixteenth of the names,
 * chosen by a hash of the name, is held out; both parts are shuffled.
 *
 * @param train names to train on, one a line
 * @param heldOut names to evaluate on, one a line
 * @param count number of names before any was left out of the held-out ones
 * @param digest SHA-256 of all names in code-point order, one a line, as hex: it differs between
 *     JDKs of different Unicode versions
 */
record UnicodeNames(String train, String heldOut, int count, String digest) {
  private static final int HELD_OUT = 16;

  /** Collects the names; the seed decides the order of lines, not the split. */
  static UnicodeNames load(long seed) {
    List<String> names = names();
    List<String> train = new ArrayList<>();
    List<String> heldOut = new ArrayList<>();
    for (String name : names) {
      CRC32C hash = new CRC32C();
      hash.update(name.getBytes(StandardCharsets.US_ASCII));
      (hash.getValue() % HELD_OUT == 0 ? heldOut : train).add(name);
    }
    Random random = new Random(seed);
    Collections.shuffle(train, random);
    Collections.shuffle(heldOut, random);
    return new UnicodeNames(lines(train), lines(heldOut), names.size(), sha256(lines(names)));
  }

  /** This with at most so many held-out names, the first ones of the shuffled. */
  UnicodeNames withHeldOut(int most) {
    return new UnicodeNames(train, lines(heldOut.lines().limit(most).toList()), count, digest);
  }

  private static List<String> names() {
    List<String> names = new ArrayList<>();
    for (int point = 0; point <= Character.MAX_CODE_POINT; point++) {
      String name = Character.getName(point);
      if (name != null && !name.endsWith(Integer.toHexString(point).toUpperCase(Locale.ROOT))) {
        names.add(name);
      }
    }
    return names;
  }

  private static String lines(List<String> names) {
    return String.join("\n", names) + "\n";
  }

  private static String sha256(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.US_ASCII)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}

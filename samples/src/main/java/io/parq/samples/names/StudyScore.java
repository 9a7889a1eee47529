package io.parq.samples.names;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A score of the long study.
 *
 * @param seed of weights and batches
 * @param base the base's length, {@link #SHORT} or {@link #LONG}
 * @param weights the linear layers' weights
 * @param method how the model came to them
 * @param bits bits that a held-out character takes
 */
record StudyScore(int seed, String base, String weights, String method, double bits) {
  static final String SHORT = "short";
  static final String LONG = "long";

  private static final String HEADER = "seed;base;weights;method;bits_per_character";

  /** {@return whether this is the score of that model} */
  boolean is(int ofSeed, String ofBase, String ofWeights, String ofMethod) {
    return seed == ofSeed
        && base.equals(ofBase)
        && weights.equals(ofWeights)
        && method.equals(ofMethod);
  }

  /** {@return a line of the file of scores} */
  String line() {
    return String.format(Locale.ROOT, "%d;%s;%s;%s;%.6f", seed, base, weights, method, bits);
  }

  /** {@return all scores as text} */
  static String write(List<StudyScore> scores) {
    StringBuilder text = new StringBuilder(HEADER).append('\n');
    scores.forEach(score -> text.append(score.line()).append('\n'));
    return text.toString();
  }

  /** Reads what {@link #write} wrote. */
  static List<StudyScore> read(String text) {
    List<String> lines = text.lines().toList();
    if (lines.isEmpty() || !lines.getFirst().equals(HEADER)) {
      throw new IllegalArgumentException(
          "file of scores: found %s, expected the header %s"
              .formatted(lines.isEmpty() ? "nothing" : "'" + lines.getFirst() + "'", HEADER));
    }
    List<StudyScore> scores = new ArrayList<>();
    for (String line : lines.subList(1, lines.size())) {
      String[] words = line.split(";", -1);
      if (words.length != 5) {
        throw new IllegalArgumentException(
            "file of scores: found '%s', expected 5 values".formatted(line));
      }
      scores.add(
          new StudyScore(
              Integer.parseInt(words[0]),
              words[1],
              words[2],
              words[3],
              Double.parseDouble(words[4])));
    }
    return scores;
  }
}

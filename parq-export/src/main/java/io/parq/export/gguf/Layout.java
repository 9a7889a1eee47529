package io.parq.export.gguf;

import java.util.List;

/**
 * Which integers an encoding holds, and how they are laid into a block. Ordered by size.
 *
 * @param encoding the encoding
 * @param least the least integer n of {@code value = d * n}; for K types with minima 0
 * @param most the largest n; for K types with minima the largest code
 * @param maxBase the largest base of K types with minima, where {@code value = d * code - dmin *
 *     base}; otherwise -1
 */
record Layout(Encoding encoding, int least, int most, int maxBase) {
  static final List<Layout> ALL =
      List.of(
          new Layout(Encoding.TQ1_0, -1, 1, -1),
          new Layout(Encoding.TQ2_0, -1, 2, -1),
          new Layout(Encoding.Q2_0, -1, 2, -1),
          new Layout(Encoding.Q2_K, 0, 3, 15),
          new Layout(Encoding.Q3_K, -4, 3, -1),
          new Layout(Encoding.Q4_0, -8, 7, -1),
          new Layout(Encoding.Q4_K, 0, 15, 63),
          new Layout(Encoding.Q5_0, -16, 15, -1),
          new Layout(Encoding.Q5_K, 0, 31, 63),
          new Layout(Encoding.Q6_K, -32, 31, -1),
          new Layout(Encoding.Q8_0, -128, 127, -1));

  boolean hasMinima() {
    return maxBase >= 0;
  }

  boolean holds(Levels levels) {
    return hasMinima()
        ? levels.count() - 1 <= most && levels.maxBase() <= maxBase
        : sign(levels) != 0;
  }

  /** 1 if the integers are held as they are, -1 if with a negative d, 0 if they are not. */
  int sign(Levels levels) {
    if (levels.least() >= least && levels.most() <= most) {
      return 1;
    }
    return -levels.most() >= least && -levels.least() <= most ? -1 : 0;
  }
}

package io.parq.export.gguf;

import io.parq.export.model.Family;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What is special about files of a family. llama.cpp's names are the families' own. */
final class Architecture {
  private Architecture() {}

  /** Takes {@code general.architecture} of a file; null if it is another one. */
  static @Nullable Family ofName(@Nullable Object name) {
    return Arrays.stream(Family.values())
        .filter(family -> family.toString().equals(name))
        .findFirst()
        .orElse(null);
  }

  /** Whether a head's queries and keys are turned in neighbouring pairs, not in halves. */
  static boolean pairsNeighbours(Family family) {
    return family == Family.LLAMA;
  }

  /** Whether norms are stored with the 1 that the model adds to them. */
  static boolean addsOneToNorms(Family family) {
    return family == Family.GEMMA3;
  }
}

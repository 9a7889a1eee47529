package io.parq.runtime;

import io.parq.export.model.Rope;
import java.util.List;

/** Sines and cosines of a rotary position embedding for some neighbouring positions. */
final class Rotation {
  private final int pairs;

  /** {@code [position][pair]}. */
  private final float[] cosines;

  private final float[] sines;

  private Rotation(int pairs, float[] cosines, float[] sines) {
    this.pairs = pairs;
    this.cosines = cosines;
    this.sines = sines;
  }

  /**
   * Computes them.
   *
   * @param length tokens of the whole sequence, on which frequencies may depend
   */
  static Rotation of(Rope rope, long length, int first, int count) {
    List<Float> frequencies = rope.frequencies(length);
    int pairs = frequencies.size();
    float[] cosines = new float[count * pairs];
    float[] sines = new float[count * pairs];
    float magnitude = (float) rope.magnitude();
    for (int i = 0; i < count; i++) {
      for (int pair = 0; pair < pairs; pair++) {
        float angle = (first + i) * frequencies.get(pair);
        cosines[i * pairs + pair] = (float) Math.cos(angle) * magnitude;
        sines[i * pairs + pair] = (float) Math.sin(angle) * magnitude;
      }
    }
    return new Rotation(pairs, cosines, sines);
  }

  /** Turns a head in place; elements beyond the pairs stay. */
  void turn(int position, float[] x, int at) {
    for (int pair = 0; pair < pairs; pair++) {
      float cosine = cosines[position * pairs + pair];
      float sine = sines[position * pairs + pair];
      float first = x[at + pair];
      float second = x[at + pairs + pair];
      x[at + pair] = first * cosine - second * sine;
      x[at + pairs + pair] = second * cosine + first * sine;
    }
  }
}

package io.parq.optim;

/** One worker's arrays, at least as long as the chunk at hand. */
final class Tile {
  /** Weights, or latents on their way to becoming weights. */
  float[] x = {};

  float[] gradient = {};

  /** Scratch of proximal maps; the normal-map correction. */
  float[] lower = {};

  float[] upper = {};

  void ensure(int length) {
    if (x.length < length) {
      x = new float[length];
      gradient = new float[length];
      lower = new float[length];
      upper = new float[length];
    }
  }
}

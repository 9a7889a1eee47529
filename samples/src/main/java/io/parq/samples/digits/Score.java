package io.parq.samples.digits;

import org.jspecify.annotations.Nullable;

/**
 * What one network reads right of its seed's test images.
 *
 * @param seed the seed
 * @param width the width of the weights, null for single precision
 * @param method how they were found
 * @param correct images read right
 * @param total images read
 */
record Score(long seed, @Nullable Width width, Method method, int correct, int total) {
  /** {@return the share that was read right, in percent} */
  double accuracy() {
    return 100.0 * correct / total;
  }

  /** {@return the weights' lattice as text, or fp32} */
  String config() {
    if (width == null) {
      return "fp32";
    }
    return (method == Method.PTQ ? width.afterTraining() : width.training()).toString();
  }
}

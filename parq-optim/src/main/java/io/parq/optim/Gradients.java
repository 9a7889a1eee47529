package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Gradient-norm clipping. */
public final class Gradients {
  private Gradients() {}

  /**
   * Scales all gradients by {@code min(1, maxNorm / (norm + 1e-6))}, so that their common Euclidean
   * norm is at most {@code maxNorm}. The norm is summed in double precision in a fixed order, so
   * that it does not depend on the number of threads; PyTorch's {@code clip_grad_norm_}, whose
   * formula this is, sums in single precision.
   *
   * @param groups the parameters; their gradients are modified in place if the norm is too large
   * @param maxNorm finite and above 0
   * @return the norm before clipping; NaN or infinite if a gradient is, and then nothing is
   *     modified
   * @throws IllegalArgumentException if {@code maxNorm} is out of range
   */
  public static double clipNorm(List<ParamGroup> groups, double maxNorm) {
    return clipNorm(groups, maxNorm, new Workers());
  }

  static double clipNorm(List<ParamGroup> groups, double maxNorm, Workers workers) {
    Checks.positive("maximum norm", maxNorm);
    List<MemorySegment> gradients =
        groups.stream()
            .flatMap(group -> group.parameters().stream())
            .map(Parameter::gradient)
            .toList();
    List<Chunk> chunks = new ChunkPlan(groups).chunks();
    double norm = norm(gradients, chunks, workers);
    float coefficient = (float) (maxNorm / (norm + 1e-6));
    if (norm < Double.POSITIVE_INFINITY && coefficient < 1f) {
      scale(gradients, chunks, workers, coefficient);
    }
    return norm;
  }

  private static double norm(List<MemorySegment> gradients, List<Chunk> chunks, Workers workers) {
    double[] sums = new double[chunks.size()];
    workers.forEach(
        chunks,
        (tile, chunk) -> {
          MemorySegment gradient = gradients.get(chunk.slot());
          Floats.load(gradient, chunk.start(), tile.gradient, chunk.length());
          sums[chunk.index()] = sumOfSquares(tile.gradient, chunk.length());
        });
    double sum = 0;
    for (double part : sums) {
      sum += part;
    }
    return Math.sqrt(sum);
  }

  /** Four sums side by side: one alone would wait for each addition. */
  private static double sumOfSquares(float[] x, int length) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i + 4 <= length; i += 4) {
      a += (double) x[i] * x[i];
      b += (double) x[i + 1] * x[i + 1];
      c += (double) x[i + 2] * x[i + 2];
      d += (double) x[i + 3] * x[i + 3];
    }
    for (; i < length; i++) {
      a += (double) x[i] * x[i];
    }
    return (a + b) + (c + d);
  }

  private static void scale(
      List<MemorySegment> gradients, List<Chunk> chunks, Workers workers, float coefficient) {
    workers.forEach(
        chunks,
        (tile, chunk) -> {
          MemorySegment gradient = gradients.get(chunk.slot());
          float[] g = tile.gradient;
          Floats.load(gradient, chunk.start(), g, chunk.length());
          for (int i = 0; i < chunk.length(); i++) {
            g[i] *= coefficient;
          }
          Floats.store(g, chunk.length(), gradient, chunk.start());
        });
  }
}

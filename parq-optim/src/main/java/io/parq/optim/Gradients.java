package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Gradient-norm clipping. */
public final class Gradients {
  private final List<MemorySegment> gradients;
  private final Batches batches;
  private final Workers workers;
  private final Workers.ChunkBody square = this::square;
  private final Workers.ChunkBody scale = this::scale;

  /** By chunk. */
  private final double[] sums;

  private float coefficient;

  Gradients(List<ParamGroup> groups, Batches batches, Workers workers) {
    this.gradients =
        groups.stream()
            .flatMap(group -> group.parameters().stream())
            .map(Parameter::gradient)
            .toList();
    this.batches = batches;
    this.workers = workers;
    this.sums = new double[batches.chunks().size()];
  }

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
    Gradients gradients = new Gradients(groups, new ChunkPlan(groups).batches(), workers);
    double norm = gradients.norm();
    gradients.clip(norm, maxNorm);
    return norm;
  }

  /** The norm; finite only if all gradients are. */
  double norm() {
    workers.forEach(batches, square);
    double sum = 0;
    for (double part : sums) {
      sum += part;
    }
    return Math.sqrt(sum);
  }

  /** Scales gradients of the given norm, which may not be finite. */
  void clip(double norm, double maxNorm) {
    coefficient = (float) (maxNorm / (norm + 1e-6));
    if (norm < Double.POSITIVE_INFINITY && coefficient < 1f) {
      workers.forEach(batches, scale);
    }
  }

  private void square(Tile tile, Chunk chunk) {
    load(tile, chunk);
    sums[chunk.index()] =
        UpdateKernels.Best.KERNELS.sumOfSquares(tile.g, chunk.length(), tile.lanes);
  }

  private void load(Tile tile, Chunk chunk) {
    Floats.load(gradients.get(chunk.slot()), chunk.start(), tile.g, 0, chunk.length());
  }

  private void scale(Tile tile, Chunk chunk) {
    load(tile, chunk);
    float[] g = tile.g;
    for (int i = 0; i < chunk.length(); i++) {
      g[i] *= coefficient;
    }
    Floats.store(g, 0, chunk.length(), gradients.get(chunk.slot()), chunk.start());
  }
}

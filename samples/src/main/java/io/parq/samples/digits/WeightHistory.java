package io.parq.samples.digits;

import io.parq.grids.Lattice;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How a network's weights gather on their levels while it is trained: a histogram for each epoch,
 * of all layers' weights divided by their row's scale. Bins are so wide that each level lies in the
 * middle of one. For uniform grids with one scale a block.
 */
final class WeightHistory {
  /** How far beyond the outer levels the bins reach, in scales. */
  private static final double MARGIN = 1;

  private final int binsPerScale;
  private final List<Frame> frames = new ArrayList<>();
  private double[] levels = {};

  /**
   * The weights after an epoch.
   *
   * @param counts weights in each bin
   * @param onLevel share of the weights that lie exactly on a level
   * @param inverseSlope of the annealed map: 1 leaves weights between levels alone, 0 rounds
   */
  record Frame(List<Integer> counts, double onLevel, double inverseSlope) {}

  WeightHistory(int levelCount) {
    // Fewer where there are more levels, so that all bins together stay about as many.
    this.binsPerScale = levelCount <= 4 ? 15 : levelCount <= 8 ? 9 : 5;
  }

  /** Adds a frame. */
  void add(Mlp model, Map<String, Lattice> lattices, double inverseSlope) {
    int[] counts = {};
    long exact = 0;
    long all = 0;
    for (Mlp.Layer layer : model.layers()) {
      Lattice lattice = lattices.get(layer.name() + ".weight");
      if (lattice == null) {
        throw new IllegalArgumentException("no lattice of " + layer.name() + ".weight");
      }
      if (counts.length == 0) {
        levels = levels(lattice);
        counts = new int[bins()];
      }
      count(layer, lattice, counts);
      exact += onLevel(layer, lattice);
      all += layer.weights().length;
    }
    List<Integer> list = new ArrayList<>();
    for (int count : counts) {
      list.add(count);
    }
    frames.add(new Frame(List.copyOf(list), (double) exact / all, inverseSlope));
  }

  private static double[] levels(Lattice lattice) {
    float[] values = lattice.levels(0);
    double[] levels = new double[values.length];
    for (int i = 0; i < levels.length; i++) {
      // Levels are whole and half multiples of the scale; this takes off the rounding of the
      // product.
      levels[i] = Math.rint(2 * values[i] / (double) lattice.scales()[0]) / 2;
    }
    return levels;
  }

  private void count(Mlp.Layer layer, Lattice lattice, int[] counts) {
    float[] weights = layer.weights();
    for (int i = 0; i < weights.length; i++) {
      double scale = lattice.scales()[i / layer.inputs()];
      int bin = (int) Math.floor((weights[i] / scale - start()) * binsPerScale);
      if (bin >= 0 && bin < counts.length) {
        counts[bin]++;
      }
    }
  }

  private static long onLevel(Mlp.Layer layer, Lattice lattice) {
    float[] weights = layer.weights();
    float[] nearest = new float[weights.length];
    lattice.nearest(0, weights, 0, weights.length, MemorySegment.ofArray(nearest), 0);
    long exact = 0;
    for (int i = 0; i < weights.length; i++) {
      exact += weights[i] == nearest[i] ? 1 : 0;
    }
    return exact;
  }

  /** {@return the levels, in scales} */
  List<Double> levels() {
    List<Double> list = new ArrayList<>();
    for (double level : levels) {
      list.add(level);
    }
    return list;
  }

  /** {@return the lower edge of the first bin, in scales} */
  double start() {
    return levels[0] - (marginBins() + 0.5) / binsPerScale;
  }

  /** {@return how many bins a scale is wide} */
  int binsPerScale() {
    return binsPerScale;
  }

  private int marginBins() {
    return (int) Math.round(MARGIN * binsPerScale);
  }

  private int bins() {
    double span = levels[levels.length - 1] - levels[0];
    return (int) Math.round(span * binsPerScale) + 2 * marginBins() + 1;
  }

  /** {@return the frames: before training, then after each epoch} */
  List<Frame> frames() {
    return List.copyOf(frames);
  }
}

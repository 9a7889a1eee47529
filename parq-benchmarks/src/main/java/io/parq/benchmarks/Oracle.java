package io.parq.benchmarks;

import io.parq.grids.BlockLayout;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.Moments;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ProxMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;

/** What benchmarks should compute, computed for a sample of elements or rows in another way. */
final class Oracle {
  /** Steps are small, so that weights stay weights after thousands of them. */
  static final AdamW.Options OPTIONS = AdamW.Options.DEFAULTS.withLearningRate(1e-5);

  /** Prime: the sample meets all places of chunks and vectors. */
  private static final long STRIDE = 4099;

  private Oracle() {}

  /** One weight after some steps of AdamW with the same gradient, in double precision. */
  static double adamW(double weight, double gradient, long steps) {
    AdamW.Options o = OPTIONS;
    double w = weight;
    double m = 0;
    double v = 0;
    for (long t = 1; t <= steps; t++) {
      w *= 1 - o.learningRate() * o.weightDecay();
      m += (1 - o.beta1()) * (gradient - m);
      v = o.beta2() * v + (1 - o.beta2()) * gradient * gradient;
      double correction = Math.sqrt(1 - Math.pow(o.beta2(), (double) t));
      double rate = o.learningRate() / (1 - Math.pow(o.beta1(), (double) t));
      w -= rate * m / (Math.sqrt(v) / correction + o.epsilon());
    }
    return w;
  }

  /** Checks a sample of the weights after some steps of AdamW. */
  static void checkAdamW(Tensors tensors, long steps) {
    long index = 0;
    for (Parameter parameter : tensors.parameters()) {
      MemorySegment weights = parameter.weights();
      for (long i = 0; i < parameter.size(); i += STRIDE) {
        float found = weights.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        double expected = adamW(Data.weight(index + i), Data.gradient(index + i), steps);
        if (!(Math.abs(found - expected)
            <= (1e-6 + 1e-8 * steps) * Math.max(1, Math.abs(expected)))) {
          throw new IllegalStateException(
              "%s, index %d: %s after %d steps, expected %s"
                  .formatted(parameter, i, found, steps, expected));
        }
      }
      index += parameter.size();
    }
  }

  /**
   * Checks the last elements of each tensor after some steps of AdamW: they come out the same, bit
   * for bit, where nothing else is updated.
   */
  static void checkMoments(Tensors tensors, Moments moments, long steps) {
    long end = 0;
    for (Parameter parameter : tensors.parameters()) {
      end += parameter.size();
      int length = (int) Math.min(Moments.LEAST_ELEMENTS, parameter.size());
      float[] expected = new float[length];
      float[] gradient = new float[length];
      float[] found = new float[length];
      for (int i = 0; i < length; i++) {
        expected[i] = Data.weight(end - length + i);
        gradient[i] = Data.gradient(end - length + i);
      }
      long start = Float.BYTES * (parameter.size() - length);
      MemorySegment.copy(parameter.weights(), ValueLayout.JAVA_FLOAT, start, found, 0, length);
      latents(expected, gradient, 1, length, steps, moments);
      compare(parameter + " with moments in " + moments, found, expected, 0);
    }
  }

  /**
   * Checks rows of the quantized tensors: latents of a separate, unfused AdamW over these rows
   * only, fitted and projected row by row.
   *
   * @param steps how many were taken, each with a refit
   * @param share of weights that may differ, 0 where every bit has to be the same
   */
  static void checkStep(
      Tensors tensors, QuantConfig config, ProxMap map, long steps, double share) {
    long index = 0;
    for (int i = 0; i < tensors.parameters().size(); i++) {
      Model.Shape shape = tensors.model().shapes().get(i);
      if (!shape.isVector()) {
        checkRows(tensors.parameters().get(i), shape, index, config, map, steps, share);
      }
      index += shape.size();
    }
  }

  private static void checkRows(
      Parameter parameter,
      Model.Shape shape,
      long index,
      QuantConfig config,
      ProxMap map,
      long steps,
      double share) {
    int[] rows = IntStream.of(0, shape.rows() / 2, shape.rows() - 1).distinct().toArray();
    int columns = shape.columns();
    float[] expected = new float[rows.length * columns];
    float[] gradient = new float[expected.length];
    float[] found = new float[expected.length];
    for (int r = 0; r < rows.length; r++) {
      long start = (long) rows[r] * columns;
      for (int c = 0; c < columns; c++) {
        expected[r * columns + c] = Data.weight(index + start + c);
        gradient[r * columns + c] = Data.gradient(index + start + c);
      }
      MemorySegment.copy(
          parameter.weights(),
          ValueLayout.JAVA_FLOAT,
          Float.BYTES * start,
          found,
          r * columns,
          columns);
    }
    latents(expected, gradient, rows.length, columns, steps, Moments.FP32);
    project(expected, rows.length, columns, config, map, steps - 1);
    compare(parameter + " as " + config + " " + map, found, expected, share);
  }

  private static void latents(
      float[] weights, float[] gradient, int rows, int columns, long steps, Moments moments) {
    Parameter twin = Parameter.of("twin", Parameter.Kind.LINEAR, weights, gradient, rows, columns);
    AdamW adamW =
        new AdamW(List.of(new ParamGroup(List.of(twin), null)), OPTIONS.withMoments(moments));
    for (long step = 0; step < steps; step++) {
      adamW.step();
    }
  }

  private static void project(
      float[] x, int rows, int columns, QuantConfig config, ProxMap map, long step) {
    Lattice lattice = Lattice.unfitted(config, rows, columns);
    lattice.fit(MemorySegment.ofArray(x));
    BlockLayout layout = lattice.layout();
    int length = layout.blockLength();
    MemorySegment w = MemorySegment.ofArray(new float[x.length]);
    float[] lower = new float[length];
    float[] upper = new float[length];
    for (int block = 0; block < layout.blocks(); block++) {
      int start = (int) layout.start(block);
      map.apply(step, lattice, block, x, start, length, w, start, lower, upper);
    }
    MemorySegment.ofArray(x).copyFrom(w);
  }

  private static void compare(String what, float[] found, float[] expected, double share) {
    int wrong = 0;
    int first = -1;
    float tolerance = share > 0 ? 1e-5f : 0;
    for (int i = 0; i < found.length; i++) {
      if (!(Math.abs(found[i] - expected[i]) <= tolerance)) {
        first = first < 0 ? i : first;
        wrong++;
      }
    }
    if (wrong > share * found.length) {
      throw new IllegalStateException(
          "%s: %d of %d sampled weights differ, the first is %s, expected %s"
              .formatted(what, wrong, found.length, found[first], expected[first]));
    }
  }
}

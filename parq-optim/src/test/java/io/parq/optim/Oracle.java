package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import java.util.function.Function;

/** Compares an optimizer with its formulas in double precision. */
final class Oracle {
  static final int SIZE = 1000;
  private static final int STEPS = 30;
  private static final double TOLERANCE = 1e-5;

  private final float[] weights = new float[SIZE];
  private final float[] gradient = new float[SIZE];
  private final Optimizer optimizer;

  /** One step in double precision; t counts from 1. */
  interface Step {
    void update(double[] w, double[] g, int t);
  }

  Oracle(Function<List<ParamGroup>, Optimizer> optimizer) {
    Parameter parameter = Parameter.of("w", Parameter.Kind.LINEAR, weights, gradient, 10, 100);
    this.optimizer = optimizer.apply(List.of(new ParamGroup(List.of(parameter), null)));
  }

  void check(Step step) {
    Random random = new Random(3);
    double[] exact = new double[SIZE];
    double[] exactGradient = new double[SIZE];
    for (int i = 0; i < SIZE; i++) {
      weights[i] = (float) random.nextGaussian();
      exact[i] = weights[i];
    }
    for (int t = 1; t <= STEPS; t++) {
      for (int i = 0; i < SIZE; i++) {
        gradient[i] = (float) random.nextGaussian();
        exactGradient[i] = gradient[i];
      }
      step.update(exact, exactGradient, t);
      optimizer.step();
    }
    for (int i = 0; i < SIZE; i++) {
      assertEquals(exact[i], weights[i], TOLERANCE, "element " + i);
    }
  }
}

package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdamWTest extends OptimizerContract {
  @Override
  Optimizer create(List<ParamGroup> groups) {
    return new AdamW(groups, new AdamW.Options(RATE, 0.9, 0.99, 1e-8, 0.1));
  }

  @ParameterizedTest
  @CsvSource({
    "0.9, 0.999, 1e-8, 0",
    "0.9, 0.95, 1e-6, 0.1",
    "0.3, 0.9, 1e-8, 0.1",
    "0, 0, 1e-3, 0"
  })
  void followsTheFormulas(double beta1, double beta2, double epsilon, double decay) {
    AdamW.Options options = new AdamW.Options(0.02, beta1, beta2, epsilon, decay);
    Oracle oracle = new Oracle(groups -> new AdamW(groups, options));
    double[] m = new double[Oracle.SIZE];
    double[] v = new double[Oracle.SIZE];
    oracle.check(
        (w, g, t) -> {
          for (int i = 0; i < w.length; i++) {
            w[i] *= 1 - 0.02 * decay;
            double d = g[i];
            m[i] = beta1 * m[i] + (1 - beta1) * d;
            v[i] = beta2 * v[i] + (1 - beta2) * d * d;
            double unbiasedM = m[i] / (1 - Math.pow(beta1, t));
            double unbiasedV = v[i] / (1 - Math.pow(beta2, t));
            w[i] -= 0.02 * unbiasedM / (Math.sqrt(unbiasedV) + epsilon);
          }
        });
  }

  @Test
  void checksItsOptions() {
    AdamW.Options options = AdamW.Options.DEFAULTS;
    assertEquals(1e-2, options.weightDecay());
    assertEquals(0.5, options.withWeightDecay(0.5).weightDecay());
    assertThrows(IllegalArgumentException.class, () -> options.withLearningRate(-1));
    assertThrows(IllegalArgumentException.class, () -> new AdamW.Options(1, 1, 0.9, 1e-8, 0));
    assertThrows(IllegalArgumentException.class, () -> new AdamW.Options(1, 0.9, 1, 1e-8, 0));
    assertThrows(IllegalArgumentException.class, () -> new AdamW.Options(1, 0.9, 0.9, -1, 0));
  }
}
